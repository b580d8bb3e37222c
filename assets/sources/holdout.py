"""Holdout: the dates of a source that are sealed, and the one function that tells how far it may be read.

Rows of a sealed range, and all that come after it, are not handed on: no price, no label. They are once there is an
opening record; an opening is counted, shown in the header of every report, and never taken back. From then on the
range is ordinary data. The seal guards against accident, not against its owner.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class SealedRange(BaseModel):
    """The dates that a source keeps sealed, both included."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: date
    last: date

    @model_validator(mode="after")
    def is_forward(self) -> Self:
        """The range ends after it begins."""
        if self.first > self.last:
            raise ValueError(f"sealed begins on {self.first}, after its end on {self.last}; no date lies between")
        return self

    def __str__(self) -> str:
        return f"{self.first} to {self.last}"


class Opening(BaseModel):
    """A record that a sealed range was opened: of which source, why, and when."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    first: date
    last: date
    reason: str = Field(min_length=10, description="what is to be judged, and why now")
    opened_at: datetime


class Sealable(BaseModel):
    """Settings of a source that may keep a holdout sealed.

    openings  not among the settings that are written out: an opened range is ordinary data, as later rows are
    """

    openings: tuple[Opening, ...] = Field((), exclude=True, description="records of opened holdouts, of any source")

    @abstractmethod
    def holdout(self) -> SealedRange | None:
        """The dates that the source declares as sealed, opened or not; None where it declares none."""

    def readable(self, name: str, last: date | None) -> date | None:
        """The last date that may be read of a declared span that ends on `last`."""
        return last_readable(name, last, self.holdout(), self.openings)


def last_readable(
    source: str, last: date | None, sealed: SealedRange | None, openings: Iterable[Opening]
) -> date | None:
    """The last date of a source that may be read.

    source    its name
    last      the last date of its declared span; None for no end
    openings  records of any source
    returns   `last`, or the day before the sealed range while no record opens the whole of it
    """
    if sealed is None or is_open(source, sealed, openings):
        return last
    before = sealed.first - timedelta(days=1)
    return before if last is None else min(last, before)


def is_open(source: str, sealed: SealedRange, openings: Iterable[Opening]) -> bool:
    """Whether a record opens the whole of a sealed range."""
    return any(one.source == source and one.first <= sealed.first and sealed.last <= one.last for one in openings)
