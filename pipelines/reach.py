"""Reach: which upstream partitions one partition reads, in calendar arithmetic and as Dagster's partition mapping."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import dagster as dg

# Public holidays leave no month of the exchange with fewer sessions than this.
FEWEST_SESSIONS_A_MONTH = 14
LATER = 600  # months: no market is older, and Dagster counts them one by one


class Reach(Protocol):
    """A rule from a partition to the upstream partitions that it reads."""

    def upstream(self, partition: str | None, known: Sequence[str | None]) -> list[str | None]:
        """The upstream partitions, among those `known`, that `partition` reads."""

    def mapping(self) -> dg.PartitionMapping | None:
        """The same rule for Dagster; None where its default says the same."""


@dataclass(frozen=True)
class Months:
    """A month reads the months from `back` before it to itself, or to the last one."""

    back: int = 0
    to_the_end: bool = False

    def upstream(self, partition: str | None, known: Sequence[str | None]) -> list[str | None]:
        """Months between the two ends, both included."""
        own = month_number(str(partition))
        last = LATER if self.to_the_end else 0
        return [key for key in known if own - self.back <= month_number(str(key)) <= own + last]

    def mapping(self) -> dg.PartitionMapping | None:
        """A time-window mapping with the same offsets."""
        return dg.TimeWindowPartitionMapping(
            start_offset=-self.back,
            end_offset=LATER if self.to_the_end else 0,
            allow_nonexistent_upstream_partitions=True,
        )


@dataclass(frozen=True)
class FoldMonths:
    """A fold of `length` months reads its own months and those of `folds_back` folds before it."""

    length: int
    folds_back: int

    def upstream(self, partition: str | None, known: Sequence[str | None]) -> list[str | None]:
        """Months from the start of the earliest fold read to the end of the fold's own window."""
        own = month_number(str(partition))
        first, end = own - self.length * self.folds_back, own + self.length
        return [key for key in known if first <= month_number(str(key)) < end]

    def mapping(self) -> dg.PartitionMapping | None:
        """A time-window mapping; offsets between schemes count in windows of the downstream one."""
        return dg.TimeWindowPartitionMapping(start_offset=-self.folds_back, allow_nonexistent_upstream_partitions=True)


@dataclass(frozen=True)
class Same:
    """A partition reads the partition of the same key, an unpartitioned asset the one value upstream."""

    def upstream(self, partition: str | None, known: Sequence[str | None]) -> list[str | None]:
        """The same key where it is known."""
        return [partition] if partition in known else []

    def mapping(self) -> dg.PartitionMapping | None:
        """Dagster's default."""
        return None


@dataclass(frozen=True)
class Every:
    """Reads every upstream partition, or the one value of an unpartitioned asset."""

    def upstream(self, partition: str | None, known: Sequence[str | None]) -> list[str | None]:
        """All of them."""
        return list(known)

    def mapping(self) -> dg.PartitionMapping | None:
        """Dagster's all-partitions mapping."""
        return dg.AllPartitionMapping()


def months_before(sessions: int) -> int:
    """Months that surely hold the given number of sessions before any session of a month."""
    return math.ceil(sessions / FEWEST_SESSIONS_A_MONTH)


def month_number(key: str) -> int:
    """Months since year 0 of a key that begins with YYYY-MM."""
    return int(key[:4]) * 12 + int(key[5:7]) - 1


def month_start(key: str) -> date:
    """First calendar day of a month key."""
    return date(int(key[:4]), int(key[5:7]), 1)


def month_keys(first: date, last: date) -> list[str]:
    """Keys of every month between two dates, both included."""
    numbers = range(first.year * 12 + first.month - 1, last.year * 12 + last.month)
    return [f"{n // 12:04d}-{n % 12 + 1:02d}" for n in numbers]
