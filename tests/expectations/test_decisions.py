from datetime import date, timedelta
from itertools import pairwise

import polars as pl
import pytest

from expectations.decisions import DECIDED_HOUR, decided_at, decision_instant, decisions, telling_sessions

SESSIONS = [
    day for day in (date(2015, 1, 5) + timedelta(days=i) for i in range(1000)) if day.weekday() < 5 and day.day != 20
]


@pytest.mark.parametrize("seed", range(20))
def test_the_instants_are_spread_and_meet_every_weekday_and_the_ends_of_months(seed):
    instants = decisions(SESSIONS, seed=seed)
    places = [SESSIONS.index(instant.date()) for instant in instants]
    edge = len(SESSIONS) // 10
    assert len(set(places)) == 8
    assert places == sorted(places)
    assert edge <= places[0]
    assert places[-1] < len(SESSIONS) - edge
    assert max(b - a for a, b in pairwise(places)) < len(SESSIONS) / 4
    assert {instant.weekday() for instant in instants} == set(range(5))
    assert any(SESSIONS[place].month != SESSIONS[place + 1].month for place in places)
    assert any(SESSIONS[place].month != SESSIONS[place - 1].month for place in places)
    assert {instant.hour for instant in instants} == {20}


@pytest.mark.parametrize("hour", [DECIDED_HOUR, 15])
def test_a_column_of_decisions_holds_the_instant_of_each_session(hour):
    frame = pl.DataFrame({"session": SESSIONS[:5]}).select(at=decided_at(pl.col("session"), hour))
    assert frame["at"].to_list() == [decision_instant(session, hour) for session in SESSIONS[:5]]
    assert frame.schema["at"] == pl.Datetime("us", "Asia/Shanghai")


def test_an_instant_is_in_exchange_time():
    assert decision_instant(date(2015, 3, 4), 20).isoformat() == "2015-03-04T20:00:00+08:00"


def test_the_choice_depends_on_the_seed_only():
    assert decisions(SESSIONS, 5, 1, 18) == decisions(SESSIONS[::-1], 5, 1, 18)
    assert decisions(SESSIONS, seed=1) != decisions(SESSIONS, seed=2)


def test_too_few_sessions_are_refused():
    with pytest.raises(ValueError, match="9 sessions leave 7 away from the edges, and n is 8"):
        decisions(SESSIONS[:9])
    with pytest.raises(ValueError, match="n is 0"):
        decisions(SESSIONS, 0)
    assert len(decisions(SESSIONS[:10])) == 8


def test_sessions_that_are_wanted_are_among_24_decisions_and_the_rest_stays_spread():
    wanted = [{day for day in SESSIONS if day.day == 7}, {day for day in SESSIONS if day.day == 14}]
    days = [instant.date() for instant in decisions(SESSIONS, 24, wanted=wanted)]
    assert len(set(days)) == 24
    assert all(sum(day in some for day in days) >= 2 for some in wanted)
    assert {day.weekday() for day in days} == set(range(5))


def test_sessions_at_a_limit_and_ex_dates_are_told():
    days = SESSIONS[:4]
    bars = pl.DataFrame(
        {
            "session": days * 2,
            "security_id": ["a"] * 4 + ["b"] * 4,
            "close": [11.0, 10.0, 10.0, 10.0] * 2,
            "limit_up": [11.0] * 4 + [12.0] * 4,
            "limit_down": [9.0] * 8,
            "adj_factor": [1.0, 1.0, 1.5, 1.5] + [2.0] * 4,
        }
    )
    assert telling_sessions(bars) == (frozenset(days[:1]), frozenset(days[2:3]))
