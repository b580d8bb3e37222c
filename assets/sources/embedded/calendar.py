"""Market calendar: the sessions of the embedded market, weekdays without the holidays of one fixed rule.

The rule is the same in every year, so a spec needs no list of dates, and each month has at least 15 sessions.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.tables import EXCHANGE_TIME_ZONE

HOLIDAYS = frozenset(
    [(1, day) for day in range(1, 4)]
    + [(2, day) for day in range(5, 12)]
    + [(5, day) for day in range(1, 4)]
    + [(10, day) for day in range(1, 8)]
)
"""(month, day) of New Year, the spring festival (always 5 to 11 February), Labour Day and the National Day week."""


def is_session(day: date) -> bool:
    """Whether the embedded market trades on that day."""
    return day.weekday() < 5 and (day.month, day.day) not in HOLIDAYS


def sessions_from(first: date, count: int) -> tuple[date, ...]:
    """The first `count` sessions on or after `first`, in order."""
    sessions: list[date] = []
    day = first
    while len(sessions) < count:
        if is_session(day):
            sessions.append(day)
        day += timedelta(days=1)
    return tuple(sessions)


DECIDED_AT = 20 * 60
"""Minute of the day at which decisions are made."""
EPOCH = date(1970, 1, 1)
Places = NDArray[np.intp]


def days_of(dates: Sequence[date]) -> Places:
    """Days since 1970-01-01."""
    return np.array([(day - EPOCH).days for day in dates], np.intp)


def first_to_know(sessions: Sequence[date], day: Places, minute: Places | int) -> Places:
    """Place of the first session whose decision knows what came on a day at a minute.

    -1 for what came before the first session's date, the number of sessions where none is left to know it
    """
    known = days_of(sessions)
    next_day = day + (np.asarray(minute) > DECIDED_AT)
    place = np.searchsorted(known, next_day, side="left")
    return np.where(day < known[0], -1, place)


def moments(day: Places, minute: Places | int) -> pl.Series:
    """Instants in exchange time."""
    minutes = pl.Series((day * 1440 + np.asarray(minute)).astype(np.int64))
    local = (minutes * 60_000_000).cast(pl.Datetime("us"))
    return local.dt.replace_time_zone(EXCHANGE_TIME_ZONE)


def dates_of(day: Places) -> pl.Series:
    """Dates of days since 1970-01-01."""
    return pl.Series(day.astype(np.int32), dtype=pl.Int32).cast(pl.Date)
