from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.features.first_decision import at_first_decision
from expectations.decisions import decision_instant

SHANGHAI = ZoneInfo("Asia/Shanghai")
SESSIONS = [date(2015, 1, 5), date(2015, 1, 6), date(2015, 1, 9), date(2015, 1, 12)]
TICK = timedelta(microseconds=1)


def placed(*instants: datetime) -> list[tuple[int, int, date]]:
    rows = {"fact": range(len(instants)), "available_at": instants}
    schema = {"fact": pl.Int64, "available_at": pl.Datetime("us", "Asia/Shanghai")}
    return (
        at_first_decision(pl.DataFrame(rows, schema), pl.Series(SESSIONS, dtype=pl.Date))
        .select("fact", "place", "first_session")
        .rows()
    )


def test_a_fact_known_at_the_decision_counts_and_one_a_microsecond_later_counts_the_next_session():
    at = decision_instant(SESSIONS[1], 20)
    assert placed(at, at + TICK) == [(0, 1, SESSIONS[1]), (1, 2, SESSIONS[2])]


def test_what_comes_on_a_weekend_counts_on_monday():
    assert placed(datetime(2015, 1, 10, 3, tzinfo=SHANGHAI), datetime(2015, 1, 12, 9, tzinfo=SHANGHAI)) == [
        (0, 3, SESSIONS[3]),
        (1, 3, SESSIONS[3]),
    ]


def test_facts_of_before_the_calendar_and_after_its_last_decision_are_left_out():
    opened = datetime(2015, 1, 5, tzinfo=SHANGHAI)
    last = decision_instant(SESSIONS[3], 20)
    assert placed(opened - TICK, opened, last, last + TICK) == [(1, 0, SESSIONS[0]), (2, 3, SESSIONS[3])]


@settings(deadline=None)
@given(st.lists(st.datetimes(datetime(2015, 1, 4), datetime(2015, 1, 14)), max_size=8))
def test_the_place_is_that_of_a_slow_reference(hours):
    instants = [hour.replace(tzinfo=SHANGHAI) for hour in hours]
    expected = []
    for number, instant in enumerate(instants):
        later = [t for t, session in enumerate(SESSIONS) if decision_instant(session, 20) >= instant]
        if later and instant >= datetime(2015, 1, 5, tzinfo=SHANGHAI):
            expected.append((number, later[0], SESSIONS[later[0]]))
    assert placed(*instants) == expected


def test_no_facts_and_no_sessions_are_no_error():
    assert placed() == []
    facts = pl.DataFrame({"available_at": [decision_instant(SESSIONS[0], 20)]})
    assert at_first_decision(facts, pl.Series([], dtype=pl.Date)).is_empty()
