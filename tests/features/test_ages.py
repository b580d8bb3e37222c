from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from assets.features.ages import ages, arrivals
from expectations.decisions import decision_instant

SESSIONS = pl.Series([date(2014, 1, day) for day in (2, 3, 6, 7)])
A_MICROSECOND = timedelta(microseconds=1)


def at(*instants: datetime | None) -> pl.Series:
    return pl.Series(instants, dtype=pl.Datetime("us", "Asia/Shanghai"))


def test_what_comes_a_microsecond_after_a_decision_arrives_in_the_next_session():
    decided = decision_instant(date(2014, 1, 3), 20)
    assert arrivals(at(decided, decided + A_MICROSECOND), SESSIONS).tolist() == [1, 2]


def test_what_the_first_session_knows_and_what_is_missing_have_no_place_and_what_is_later_has_the_one_after_the_last():
    first, last = (decision_instant(SESSIONS[i], 20) for i in (0, -1))
    found = arrivals(at(first, first + A_MICROSECOND, None, last, last + A_MICROSECOND), SESSIONS)
    assert found.tolist() == [-1, 1, -1, 3, 4]


def test_an_instant_is_the_same_in_another_time_zone():
    told = pl.Series([datetime(2014, 1, 3, 12, tzinfo=ZoneInfo("UTC"))], dtype=pl.Datetime("ns", "UTC"))
    assert arrivals(told, SESSIONS).tolist() == [1]


def test_no_sessions_and_no_instants_are_no_error():
    assert arrivals(at(None, datetime(2014, 1, 3, tzinfo=ZoneInfo("UTC"))), SESSIONS.clear()).tolist() == [-1, -1]
    assert arrivals(at(), SESSIONS).tolist() == []


def test_ages_are_bounded_and_unknown_without_an_arrival_or_before_it():
    found = ages(np.array([5, 5, 5, 5, 5]), np.array([5, 3, 2, -1, 6]), below=3)
    assert found.tolist() == [0, 2, -1, -1, -1]
