"""Sources: where raw tables come from; each module is one frozen spec that can read a span of dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Protocol

import polars as pl

from expectations.tables import Table


class Source(Protocol):
    """What every source answers; a source is a frozen pydantic spec with a `kind`, and holds no data of its own."""

    @property
    def kind(self) -> str:
        """Name of the source in an experiment's YAML."""

    def first_session(self) -> date:
        """First date of the declared span."""

    def last_session(self) -> date:
        """Last date of the declared span."""

    def reached(self) -> date | None:
        """Last date that the bars of a source that goes on have come to; None for one that is over."""

    def offers(self) -> tuple[type[Table], ...]:
        """The raw tables that this source brings: `RawBars` always, and any of `expectations.facts.RAW_FACTS`."""

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """Rows of an offered raw table whose date (`table.dated_by`) lies from first to last, both included.

        Facts known before the declared span come with its first date; no session lies before it.
        """

    def digests(self, table: type[Table], months: Sequence[date]) -> dict[date, str]:
        """Start of month -> digest of what the source holds of a raw table for that month, of content alone."""

    def model_dump_json(self) -> str:
        """The settings of the source, complete, as JSON."""

    def deliveries(self) -> pl.DataFrame:
        """One row per delivery: `delivery`, `rows`, `status` (read or refused), `reason` (null when read)."""
