"""Delivered: raw tables held in memory as a source, and what may be delivered later than they were.

A change takes the tables and gives them changed; nothing else of them moves. Each is one that a vendor really makes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from assets.sources import Source
from expectations.decisions import decided_at
from expectations.facts import RawNews, RawStatements
from expectations.tables import RawBars, Table
from pipelines.warehouse import content_hash

Frames = Mapping[type[Table], pl.DataFrame]
BEFORE_THE_END = 45
"""Sessions from a change in the middle to the last one: two months and a few days."""
PAID = 1.03
TOLD_MORE = 1.25


@dataclass(frozen=True)
class Delivered:
    """A source whose tables lie in memory; `first` and `last` are its declared span."""

    frames: Frames
    first: date
    last: date
    kind: str = "delivered"

    def first_session(self) -> date:
        """First date of the span."""
        return self.first

    def last_session(self) -> date:
        """Last date of the span."""
        return self.last

    def reached(self) -> date | None:
        """None: its span is over."""
        return None

    def offers(self) -> tuple[type[Table], ...]:
        """The tables that are held."""
        return tuple(self.frames)

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """Rows dated from `first` to `last`, both included."""
        return self.frames[table].filter(pl.col(table.dated_by).is_between(first, last))

    def digests(self, table: type[Table], months: Sequence[date]) -> dict[date, str]:
        """Start of month -> hash of its rows."""
        return {month: self._content[table].get(month, "none") for month in months}

    def model_dump_json(self) -> str:
        """Nothing but the rows decides what this source holds."""
        return "{}"

    def deliveries(self) -> pl.DataFrame:
        """One delivery with all bars."""
        rows = self.frames[RawBars].height
        found = {"delivery": ["memory"], "rows": [rows], "status": ["read"], "reason": [None]}
        return pl.DataFrame(found, schema_overrides={"reason": pl.String})

    @functools.cached_property
    def _content(self) -> dict[type[Table], dict[date, str]]:
        return {table: _by_month(table, frame) for table, frame in self.frames.items()}


def delivered(source: Source) -> Delivered:
    """All that a source holds, read once."""
    span = (source.first_session(), source.last_session())
    return Delivered({table: source.read(table, *span) for table in source.offers()}, *span)


def _by_month(table: type[Table], frame: pl.DataFrame) -> dict[date, str]:
    months = frame.with_columns(_month=pl.col(table.dated_by).dt.month_start())
    parts = months.partition_by("_month", as_dict=True, maintain_order=True, include_key=False)
    return {key[0]: content_hash(part) for key, part in parts.items()}


@dataclass(frozen=True)
class Change:
    """What is delivered anew, in words, with the raw table that it touches."""

    name: str
    table: type[Table]
    apply: Callable[[Frames], Frames]


def without_last_session(frames: Frames) -> Frames:
    """All tables as they were before the last session: no row dated on it or later."""
    last = sessions_of(frames)[-1]
    return {table: frame.filter(pl.col(table.dated_by) < last) for table, frame in frames.items()}


def sessions_of(frames: Frames) -> list[date]:
    """Dates on which there are bars."""
    found: list[date] = frames[RawBars]["session"].unique().sort().to_list()
    return found


def restated(frames: Frames) -> Frames:
    """The items of one report are published again, a quarter more each, some weeks before the last session."""
    day = sessions_of(frames)[-BEFORE_THE_END]
    known = frames[RawStatements].filter(pl.col("known_on") < day, pl.col("published_on") < day)
    latest = known.sort("known_on", "security_id", "item", "revision").row(-1, named=True)
    report = (pl.col("security_id") == latest["security_id"]) & (pl.col("period_end") == latest["period_end"])
    again = known.filter(report).sort("revision").unique("item", keep="last", maintain_order=True)
    rows = again.with_columns(
        value=pl.col("value") * TOLD_MORE,
        revision=pl.col("revision") + 1,
        published_on=pl.lit(day),
        known_on=pl.lit(day),
        available_at=_at(day).cast(again.schema["available_at"]),
    )
    return _with_more(frames, RawStatements, rows)


def told_late(frames: Frames) -> Frames:
    """An announcement of an earlier evening, after the decision, comes with a later delivery."""
    day = sessions_of(frames)[-BEFORE_THE_END]
    news = frames[RawNews]
    told = news.filter(pl.col("known_on") < day, pl.col("security_id").is_not_null()).sort("available_at", "news_id")
    instant = (_at(day) + timedelta(minutes=90)).cast(news.schema["available_at"])
    row = told.tail(1).with_columns(news_id=pl.lit("late"), known_on=pl.lit(day), available_at=instant)
    return _with_more(frames, RawNews, row)


def paid(frames: Frames) -> Frames:
    """A dividend that was forgotten: the adjustment factor of one security is higher from a session on."""
    day, security = _place(frames)
    bars = pl.col("security_id") == security
    return _rewritten(
        frames,
        adj_factor=pl.when(bars & (pl.col("session") >= day))
        .then(pl.col("adj_factor") * PAID)
        .otherwise(pl.col("adj_factor")),
        prev_close=pl.when(bars & (pl.col("session") == day))
        .then((pl.col("prev_close") / PAID).round(2))
        .otherwise(pl.col("prev_close")),
    )


def sent_again(frames: Frames) -> Frames:
    """One bar of an earlier session is corrected: it closed at its low, on twice the volume."""
    day, security = _place(frames)
    bar = (pl.col("security_id") == security) & (pl.col("session") == day)
    twice = [pl.when(bar).then(pl.col(name) * 2).otherwise(pl.col(name)).alias(name) for name in ("volume", "amount")]
    return _rewritten(frames, *twice, close=pl.when(bar).then("low").otherwise("close"))


CHANGES = (
    Change("a statement is restated", RawStatements, restated),
    Change("an announcement comes late", RawNews, told_late),
    Change("a dividend changes the factor", RawBars, paid),
    Change("a bar is corrected", RawBars, sent_again),
)


def _at(day: date) -> pl.Expr:
    return decided_at(pl.lit(day))


def _place(frames: Frames) -> tuple[date, str]:
    """A session in the middle, and a security that trades in it and in the last one, with a range of prices."""
    sessions = sessions_of(frames)
    day = sessions[-BEFORE_THE_END]
    trades = (pl.col("volume") > 0) & (pl.col("close") > pl.col("low"))
    lasting = frames[RawBars].filter(pl.col("session") == sessions[-1])["security_id"]
    found = frames[RawBars].filter(pl.col("session") == day, trades, pl.col("security_id").is_in(lasting.implode()))
    return day, str(found["security_id"].min())


def _rewritten(frames: Frames, *columns: pl.Expr, **named: pl.Expr) -> Frames:
    return {**frames, RawBars: frames[RawBars].with_columns(*columns, **named)}


def _with_more(frames: Frames, table: type[Table], rows: pl.DataFrame) -> Frames:
    both = pl.concat([frames[table], rows.select(frames[table].columns)])
    return {**frames, table: both.sort(table.dated_by, maintain_order=True)}
