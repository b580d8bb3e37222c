"""Market calendar: the sessions of the embedded market, weekdays without the holidays of one fixed rule.

The rule is the same in every year, so a spec needs no list of dates, and each month has at least 15 sessions.
"""

from __future__ import annotations

from datetime import date, timedelta

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
