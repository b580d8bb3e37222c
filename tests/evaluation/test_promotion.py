"""A seat changes hands only for evidence, and its attempts of a year spend no more than 5% of error."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.evaluation.intervals import CRITICAL_VALUES
from assets.evaluation.promotion import (
    ERROR_A_YEAR,
    LADDER,
    NEW_SESSIONS,
    YEAR,
    Rivals,
    Seat,
    attempt,
    in_words,
    level_left,
    table,
    two_sided,
    waits_for,
)

FIRST = date(2015, 1, 5)


def rivals(sessions: int = 240, lead: float = 0.0, dsr: float = 0.99, seed: int = 0, first: date = FIRST) -> Rivals:
    days = [first + timedelta(days=day) for day in range(sessions)]
    noise = np.random.default_rng(seed).normal(0, 0.05, (2, sessions))
    champion, challenger = (
        pl.DataFrame({"session": days, "rank_ic": values}) for values in (noise[0], noise[0] / 2 + noise[1] + lead)
    )
    return Rivals("made up", 5, "old", "new", champion, challenger, dsr, ("t0", "t1"))


def spent(level: float, until: date, challenger: str = "other") -> Seat:
    return Seat(
        source="made up", horizon=5, told="kept", champion="old", challenger=challenger, trial="t0", until=until,
        level=level,
        reason="not told apart",
    )  # fmt: skip


def test_a_clear_lead_takes_the_seat_and_says_by_how_much() -> None:
    seat = attempt(rivals(lead=0.05), [])
    assert seat is not None
    assert (seat.told, seat.holder, seat.trial, seat.sessions) == ("promoted", "new", "t1", 240)
    assert seat.level == 0.025
    assert seat.lower is not None
    assert 0 < seat.lower < 0.05
    assert seat.reason.startswith("better by 0.0")


def test_without_a_lead_the_champion_stays_and_the_error_is_spent() -> None:
    seat = attempt(rivals(), [])
    assert seat is not None
    assert (seat.told, seat.holder, seat.trial, seat.level) == ("kept", "old", "t0", 0.025)
    assert "not told apart from the champion" in seat.reason


@pytest.mark.parametrize(("dsr", "words"), [(0.94, "is 0.940; asked are 0.95"), (math.nan, "cannot be told")])
def test_a_lead_whose_return_may_be_luck_does_not_take_it(dsr: float, words: str) -> None:
    seat = attempt(rivals(lead=0.05, dsr=dsr), [])
    assert seat is not None
    assert seat.told == "kept"
    assert words in seat.reason


def test_too_few_sessions_spend_nothing() -> None:
    assert attempt(rivals(sessions=NEW_SESSIONS - 1, lead=0.5), []) is None
    assert waits_for(rivals(sessions=NEW_SESSIONS - 1), []) == "new waits for new test sessions: 59 of 60"
    nothing = replace(rivals(), champion_daily=rivals().champion_daily.clear())
    assert waits_for(nothing, []) == "new and old have no test session in common"
    assert attempt(rivals(sessions=NEW_SESSIONS), []) is not None


def test_the_same_challenger_waits_for_a_quarter_of_new_sessions_and_another_does_not() -> None:
    asked = rivals()
    tried = attempt(asked, [])
    assert tried is not None
    assert attempt(asked, [tried]) is None
    assert attempt(replace(asked, challenger="third"), [tried]) is not None
    assert attempt(rivals(sessions=240 + NEW_SESSIONS), [tried]) is not None


def test_sessions_without_a_value_are_no_common_ones() -> None:
    asked = rivals()
    holes = asked.champion_daily.with_columns(
        rank_ic=pl.when(pl.int_range(pl.len()) < 200).then(None).otherwise("rank_ic")
    )
    assert len(replace(asked, champion_daily=holes).common) == 40


def test_each_attempt_has_half_of_what_the_year_has_left() -> None:
    until, before, levels = FIRST, [], []
    while level := level_left(before, until):
        levels.append(level)
        before.append(spent(level, until))
    assert tuple(levels) == LADDER
    assert level_left(before, until + YEAR - timedelta(days=1)) == 0
    assert level_left(before, until + YEAR) == LADDER[0]
    asked = rivals(first=FIRST)
    last = [spent(one.level, asked.common[-1]) for one in before]
    assert (
        waits_for(asked, last) == f"the error of 5% a year is spent; some of it comes back on {asked.common[-1] + YEAR}"
    )
    assert attempt(asked, last) is None


@given(st.lists(st.integers(0, 200), max_size=60))
def test_no_year_spends_more_than_its_error(gaps: list[int]) -> None:
    until, before = FIRST, []
    for gap in gaps:
        until += timedelta(days=gap)
        before.append(spent(level_left(before, until), until))
    for end in {seat.until for seat in before}:
        assert sum(seat.level for seat in before if end - YEAR < seat.until <= end) <= ERROR_A_YEAR


def test_for_every_step_of_the_ladder_a_critical_value_is_known() -> None:
    for step in LADDER:
        assert two_sided(step) in CRITICAL_VALUES
        assert two_sided(step) == pytest.approx(1 - 2 * step)


def test_noise_takes_the_seat_as_seldom_as_its_level_says() -> None:
    taken = 0
    for seed in range(400):
        seat = attempt(rivals(seed=seed), [])
        taken += seat is not None and seat.told == "promoted"
    assert taken <= 20  # of 400 at .025: 10 on average


def test_a_return_to_an_earlier_one_and_the_table() -> None:
    back = Seat(
        source="made up",
        horizon=5,
        told="rolled back",
        champion="new",
        challenger="old",
        trial="t0",
        until=FIRST,
        reason="by hand",
    )
    tried = attempt(rivals(), [])
    assert tried is not None
    assert back.holder == "old"
    assert table([back, tried])["told"].to_list() == ["rolled back", "kept"]
    assert table([]).is_empty()
    assert in_words(table([back])) == ["champion of 5 sessions: old (rolled back: by hand)"]
    (line,) = in_words(table([back, tried]))
    assert line.startswith(f"champion of 5 sessions: old (new tried until {tried.until}: not told apart from")
    won = attempt(rivals(lead=0.05), [])
    assert won is not None
    assert in_words(table([won]))[0].startswith("champion of 5 sessions: new (new tried until")
    assert in_words(table([])) == []
