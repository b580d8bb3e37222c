"""Vendor: what the specs of all data vendors share: the securities, the span, digests by month, and the client."""

from __future__ import annotations

import importlib
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from typing import Annotated, Any

import polars as pl
from pydantic import ConfigDict, Field, PrivateAttr

from assets.sources.holdout import Sealable, SealedRange
from assets.sources.vendors.arrival import ZONE, month_end
from assets.sources.vendors.asking import SYSTEM_CLOCK, Clock, Manners
from assets.sources.vendors.codes import SECURITY_ID
from assets.sources.vendors.content import Content, month_digests, stamps
from assets.sources.vendors.line import Client, Line
from assets.sources.vendors.raw_cache import RawCache, cache_folder
from expectations.tables import EXCHANGE_TIME_ZONE, RawBars, Table

SecurityId = Annotated[str, Field(pattern=SECURITY_ID)]


class VendorSpec(Sealable):
    """Rows that a vendor's client fetches, for some securities and a span of dates.

    What was answered is kept in the raw cache; a month that is over is asked for once and never again, the present
    month after each delivery. Only then is the network needed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    securities: tuple[SecurityId, ...] = Field((), description="for example sh600000, sz000001")
    first: date = Field(ge=date(1990, 12, 19), description="no row lies before it")
    last: date | None = Field(None, description="last date that may be read; left out: today")
    sealed: SealedRange | None = Field(
        None, description="holdout: neither these dates nor any after them are read before it is opened"
    )
    manners: Manners = Field(Manners(), exclude=True, description="decides no row, so it is no part of the settings")
    _clock: Clock = PrivateAttr(default_factory=lambda: SYSTEM_CLOCK)

    def first_session(self) -> date:
        """First date of the declared span."""
        return self.first

    def last_session(self) -> date:
        """Last date of the declared span; today for a source that goes on."""
        today, last = self._clock.now().date(), self.readable(self._vendor, self.last)
        return min(last, today) if last else today

    def reached(self) -> date | None:
        """Today for a source that goes on; None for one whose last date is over."""
        today, last = self._clock.now().date(), self.readable(self._vendor, self.last)
        return None if last and last <= today else today

    def holdout(self) -> SealedRange | None:
        """The dates that are declared as sealed, opened or not."""
        return self.sealed

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """Rows of an offered table dated first to last, both included and inside the declared span.

        raises  ValueError for any other table; ConnectionError when the vendor must be asked and is out of reach
        """
        return self._frame(table, first, last).collect()

    def digests(self, table: type[Table], months: Sequence[date]) -> dict[date, str]:
        """Start of month -> SHA-256 of the rows that `read` gives for it; made again only when a file changed."""
        if not months:
            return {}
        line = self._line()
        frame = self._frame(table, min(months), month_end(max(months)), line)
        settings, made_from = f"{self.model_dump_json()} to {self.last_session()}", stamps(line.used)
        return dict(
            month_digests(Content(settings, table.asset_key, tuple(months), made_from, frame.collect, table.dated_by))
        )

    def deliveries(self) -> pl.DataFrame:
        """One row per endpoint and security that brought bars: `delivery`, `rows`, `status` and no `reason`."""
        bars = self.read(RawBars, self.first_session(), self.last_session())
        counted = bars.group_by("delivery").agg(rows=pl.len().cast(pl.Int64)).sort("delivery")
        return counted.with_columns(status=pl.lit("read"), reason=pl.lit(None, dtype=pl.String))

    def offers(self) -> tuple[type[Table], ...]:
        """Bars, and what the spec asks for beside them."""
        return (RawBars, *(table for table, asked in self._beside().items() if asked))

    @abstractmethod
    def _beside(self) -> Mapping[type[Table], object]:
        """Tables that the vendor has beside its bars; true where the spec asks for one."""

    @abstractmethod
    def _rows(self, line: Line, table: type[Table], first: date, last: date) -> pl.LazyFrame:
        """Rows of an offered table, in our columns, that include all dated first to last; asks for what is missing."""

    @abstractmethod
    def _client(self) -> Client:
        """A client of the vendor, which opens nothing before it is asked."""

    def _line(self) -> Line:
        cache = RawCache(cache_folder(self._vendor))
        return Line(self._vendor, self._client(), cache, self.manners, self._clock)

    @property
    def _vendor(self) -> str:
        return str(type(self).model_fields["kind"].default)

    def _today(self) -> date:
        return self._clock.now().date()

    def _frame(self, table: type[Table], first: date, last: date, line: Line | None = None) -> pl.LazyFrame:
        if table not in self.offers():
            offered = [one.asset_key for one in self.offers()]
            raise ValueError(f"{self._vendor} offers {offered}, not {table.asset_key}")
        first, last = max(first, self.first), min(last, self.last_session())
        if first > last:
            return table.create_empty().lazy()
        rows = self._rows(line or self._line(), table, first, last)
        if table.dated_by == "known_on":
            rows = self._dated(rows)
        # A bar of today, fetched while the exchange trades, is not yet what it will be.
        known = pl.col("available_at") <= self._clock.now()
        inside = rows.filter(pl.col(table.dated_by).is_between(first, last), known)
        return table.cast(inside.select(table.column_names()).sort(pl.all(), nulls_last=True))

    def _dated(self, rows: pl.LazyFrame) -> pl.LazyFrame:
        """Facts with `known_on`; what was known before the declared span comes with its first date."""
        start = datetime.combine(self.first, time(), ZONE)
        opening = pl.lit(start, dtype=pl.Datetime("us", EXCHANGE_TIME_ZONE))
        known = pl.max_horizontal(pl.col("available_at"), opening)
        return rows.with_columns(available_at=known, known_on=known.dt.date())


def load_client(name: str) -> Any:
    """A vendor's own client, imported only when something must be asked.

    raises  ValueError naming the extra when it is not installed
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ValueError(
            f"the client '{name}' is not installed; it is an optional extra of this project. "
            f"Install it: .venv/bin/pip install -c constraints.txt '.[{name}]'"
        ) from None


def as_text(frame: Any) -> pl.DataFrame:
    """A pandas frame of a client, every column as text; null for what is missing. No frame at all has no rows."""
    if frame is None or frame.shape[1] == 0:
        return pl.DataFrame()
    return pl.DataFrame(pl.from_pandas(frame.astype("string").reset_index(drop=True)))


def number(name: str) -> pl.Expr:
    """A column of text as numbers; null where it holds none."""
    return pl.col(name).str.strip_chars().cast(pl.Float64, strict=False)
