"""Sources: where raw bars come from; each module is one frozen spec that can read a span of sessions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import polars as pl


class Source(Protocol):
    """What every source answers; a source is a frozen pydantic spec with a `kind`, and holds no data of its own."""

    @property
    def kind(self) -> str:
        """Name of the source in an experiment's YAML."""

    def first_session(self) -> date:
        """First date of the declared span."""

    def last_session(self) -> date:
        """Last date of the declared span."""

    def read(self, first: date, last: date) -> pl.DataFrame:
        """Rows of `expectations.tables.RawBars` with first <= session <= last."""

    def digests(self, months: Sequence[date]) -> dict[date, str]:
        """Start of month -> digest of what the source holds for that month, of content alone."""

    def model_dump_json(self) -> str:
        """The settings of the source, complete, as JSON."""

    def deliveries(self) -> pl.DataFrame:
        """One row per delivery: `delivery`, `rows`, `status` (read or refused), `reason` (null when read)."""
