"""Arrival: when a vendor brings what belongs to a day, and from when on it can be trusted to be there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from expectations.tables import EXCHANGE_TIME_ZONE

ZONE = ZoneInfo(EXCHANGE_TIME_ZONE)
LOOKS = (timedelta(0), timedelta(hours=1), timedelta(hours=6))
"""When a delivery is looked for, after its documented time: vendors are late at times. After the last it is settled."""


@dataclass(frozen=True)
class Arrival:
    """The documented time, Shanghai, at which a vendor has what belongs to a day.

    days_later  0 on the day itself, 1 on the next
    weekends    whether anything comes on Saturdays and Sundays
    """

    at: time
    days_later: int = 0
    weekends: bool = False

    def of(self, day: date) -> datetime:
        """The instant at which the rows of a day are there."""
        return datetime.combine(day + timedelta(days=self.days_later), self.at, ZONE)

    def known(self, day: pl.Expr) -> pl.Expr:
        """The same for a column of dates."""
        arrived = day.dt.offset_by(f"{self.days_later}d").dt.combine(self.at, "us")
        return arrived.dt.replace_time_zone(EXCHANGE_TIME_ZONE)

    def settled(self, last: date) -> datetime:
        """From then on an answer about days up to `last` is taken for complete and never asked again."""
        return self.of(last) + LOOKS[-1]

    def latest(self, now: datetime) -> datetime:
        """The last instant up to `now` at which something new may have come."""
        days = [now.astimezone(ZONE).date() - timedelta(days=back) for back in range(5)]
        brought = [self.of(day) for day in days if self.weekends or day.weekday() < 5]
        return max(arrived + look for arrived in brought for look in LOOKS if arrived + look <= now)


def month_start(day: date) -> date:
    """First day of the month of a date."""
    return day.replace(day=1)


def month_end(day: date) -> date:
    """Last day of the month of a date."""
    return next_month(day) - timedelta(days=1)


def next_month(day: date) -> date:
    """First day of the month after that of a date."""
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


def months_between(first: date, last: date) -> list[date]:
    """First day of every month from that of `first` to that of `last`."""
    span = pl.date_range(month_start(first), month_start(last), "1mo", eager=True)
    return span.to_list()
