"""Fact files: dated facts from folders of Parquet or CSV files that a mapping names beside its bars.

A faulty file is refused whole and the good ones are kept; a folder that is absent is told of and passed over. What
becomes known after the declared span is never read.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from assets.sources.fact_mapping import BEGAN, ENDED, KNOWN, FactFiles
from assets.sources.opened import UNREADABLE, parquet, rows_of
from expectations.tables import EXCHANGE_TIME_ZONE, Table

Span = tuple[date, date]


@dataclass(frozen=True)
class FactDelivery:
    """One file for one table: its rows, or why it is refused; `remark` says what was odd in a file that is kept."""

    name: str
    rows: pl.DataFrame | None = None
    fault: str | None = None
    remark: str | None = None


def offered(facts: Sequence[FactFiles]) -> tuple[type[Table], ...]:
    """The raw fact tables that a mapping declares, each once."""
    return tuple(dict.fromkeys(one.raw_table for one in facts))


def read_facts(folder: Path, facts: Sequence[FactFiles], table: type[Table], asked: Span, span: Span) -> pl.DataFrame:
    """Rows of a raw fact table that became known in the dates asked for, inside the declared span.

    folder  that of the bars; the folders of the facts are relative to it
    asked   first and last date, both included; with the first of `span` come rows known earlier and rows without a date
    raises  ValueError when every file of the table is faulty, with what is wrong with each
    """
    found = [one for wanted in facts if wanted.raw_table is table for one in _delivered(folder, wanted)]
    good = [one.rows for one in found if one.rows is not None]
    if found and not good and not all(_is_absent(folder, wanted) for wanted in facts if wanted.raw_table is table):
        faults = [f"{one.name}: {one.fault}" for one in found]
        raise ValueError("\n".join([f"every file of {table.asset_key} was refused:", *faults]))
    if not good:
        return table.create_empty()
    rows = pl.concat(good)
    return rows.filter(_inside(table, asked, span))


def fact_digests(
    folder: Path, facts: Sequence[FactFiles], table: type[Table], months: Sequence[date], span: Span
) -> dict[date, str]:
    """Start of month -> SHA-256 of the rows that `read_facts` gives for it, of content alone."""
    if not months:
        return {}
    last = pl.Series([max(months)]).dt.month_end()[0]
    try:
        rows = read_facts(folder, facts, table, (min(months), last), span)
    except ValueError as refusal:
        # What is wrong is told when the table is read; what needs other tables goes on.
        return dict.fromkeys(months, hashlib.sha256(str(refusal).encode()).hexdigest())
    rows = rows.sort([name for name in rows.columns if name != "delivery"], maintain_order=True)
    dated = rows[table.dated_by].fill_null(span[0]).clip(lower_bound=span[0]).dt.month_start()
    by_month = {start: rows.filter(dated == start) for start in months}
    return {start: hashlib.sha256(part.write_csv().encode()).hexdigest() for start, part in by_month.items()}


def fact_deliveries(folder: Path, facts: Sequence[FactFiles], span: Span) -> list[dict[str, object]]:
    """One row for each file and table: `delivery`, `rows` inside the span, `status` and `reason`, as of the bars."""
    return [_told(one, wanted.raw_table, span) for wanted in facts for one in _delivered(folder, wanted)]


def _told(one: FactDelivery, table: type[Table], span: Span) -> dict[str, object]:
    if one.rows is None:
        return {"delivery": one.name, "rows": 0, "status": "refused", "reason": one.fault}
    inside = one.rows.filter(_inside(table, span, span))
    later = one.rows.filter(pl.col(table.dated_by) > span[1])[table.dated_by]
    sealed = f"{later.len()} rows become known after {span[1]}, the last on {later.max()!s}, and stay unread"
    said = "; ".join(text for text in (one.remark, sealed if later.len() else None) if text)
    return {"delivery": one.name, "rows": inside.height, "status": "read", "reason": said or None}


def _inside(table: type[Table], asked: Span, span: Span) -> pl.Expr:
    """Whether a row was asked for; undated rows on a period after the span stay out as dated ones do."""
    day = pl.col(table.dated_by)
    first, last = max(asked[0], span[0]), min(asked[1], span[1])
    if asked[0] > span[0]:
        return day.is_between(first, last).fill_null(value=False)
    undated = day.is_null()
    if "period_end" in table.column_names():
        undated = undated & (pl.col("period_end") <= span[1]).fill_null(value=True)
    return (day <= last).fill_null(value=False) | undated


def _delivered(folder: Path, wanted: FactFiles) -> list[FactDelivery]:
    place = folder / wanted.folder
    paths = sorted(path for path in place.glob(wanted.files) if path.is_file())
    if not paths:
        what = "the folder is not there" if _is_absent(folder, wanted) else f"no file there fits '{wanted.files}'"
        name = f"{wanted.folder}/{wanted.files} as {wanted.table}"
        return [FactDelivery(name, fault=f"{what}; put the files there, or take the entry out of `facts`")]
    text = wanted.model_dump_json()
    return [_examine(place, path, text, (path.stat().st_size, path.stat().st_mtime_ns)) for path in paths]


def _is_absent(folder: Path, wanted: FactFiles) -> bool:
    return not (folder / wanted.folder).is_dir()


@functools.lru_cache(maxsize=256)
def _examine(place: Path, path: Path, text: str, stamp: tuple[int, int]) -> FactDelivery:
    """The rows of a file in our words; `stamp` only tells a changed file from the one seen before."""
    wanted = FactFiles.model_validate_json(text)
    local = path.relative_to(place).as_posix()
    name = f"{local} as {wanted.table}" if wanted.folder == "." else f"{wanted.folder}/{local} as {wanted.table}"
    try:
        file = _scan(path, wanted)
        schema = file.collect_schema()
        missing = {theirs: made for theirs, made in wanted.reads() if theirs not in schema}
        if missing:
            found = ", ".join(f"'{theirs}' (our {made.strip('_')})" for theirs, made in missing.items())
            fault = f"has no column {found}; it has {schema.names()}. Correct the mapping or the file."
            return FactDelivery(name, fault=fault)
        return _read(name, file, schema, wanted)
    except UNREADABLE as error:
        what = str(error).splitlines()[0]
        fault = f"cannot be read as {wanted.format}: {what}. Deliver it again, or take it out of the folder."
        return FactDelivery(name, fault=fault)


def _scan(path: Path, wanted: FactFiles) -> pl.LazyFrame:
    if wanted.format == "parquet":
        return parquet(path)
    return pl.scan_csv(path, infer_schema=False, glob=False, separator=wanted.separator)


def _read(name: str, file: pl.LazyFrame, schema: pl.Schema, wanted: FactFiles) -> FactDelivery:
    given = {f"given {theirs}": pl.col(theirs).is_not_null() for theirs, _ in wanted.reads()}
    rows = rows_of(file.select(**wanted.facts(schema), **_instants(wanted, schema), **given))
    if rows.is_empty():
        return FactDelivery(name, fault="has no rows. Deliver it again, or take it out of the folder.")
    if fault := _unreadable(rows, wanted):
        return FactDelivery(name, fault=fault)
    remark = None
    if BEGAN in rows.columns:
        backwards = rows.filter(pl.col(ENDED) <= pl.col(BEGAN)).height
        remark = f"{backwards} rows end no later than they begin; cleaning refuses them" if backwards else None
        rows = _changes(rows)
    rows = rows.rename({KNOWN: "available_at"}) if KNOWN in rows.columns else rows
    rows = _changed(rows, wanted) if wanted.only_changes else rows
    made = rows.with_columns(known_on=pl.col("available_at").dt.date(), delivery=pl.lit(name))
    columns = wanted.raw_table.column_names()
    lacking = [pl.lit(None).alias(column) for column in columns if column not in made.columns]
    return FactDelivery(name, wanted.raw_table.cast(made.with_columns(lacking).select(columns)), remark=remark)


def _instants(wanted: FactFiles, schema: pl.Schema) -> dict[str, pl.Expr]:
    """When a row, or each of the two changes that it becomes, could be known."""
    known = wanted.known
    never = pl.lit(None, dtype=pl.Datetime("us", EXCHANGE_TIME_ZONE))

    def after(day: pl.Expr, days: int = known.days_later) -> pl.Expr:
        moved = day.dt.offset_by(f"{days}d").dt.combine(known.at, "us")
        return moved.dt.replace_time_zone(EXCHANGE_TIME_ZONE)

    def day(column: str | None) -> pl.Expr:
        return never if column is None else after(wanted.day(column, schema[column], known.format))

    if known.began:
        return {BEGAN: day(known.began), ENDED: day(known.ended)}
    if known.instant:
        return {KNOWN: wanted.instant(known.instant, schema[known.instant])}
    return {KNOWN: after(pl.lit(known.snapshot), 1) if known.snapshot else day(known.day)}


def _unreadable(rows: pl.DataFrame, wanted: FactFiles) -> str | None:
    """A sentence when a column holds values, and not one of them can be read as what it should be."""
    for theirs, made in wanted.reads():
        if rows[f"given {theirs}"].any() and rows[made].null_count() == rows.height:
            return (
                f"no value of column '{theirs}' can be read as our {made.strip('_')}. Correct the mapping "
                "(`code_format`, `date_format`, `format` of `known`), or the file."
            )
    return None


def _changes(rows: pl.DataFrame) -> pl.DataFrame:
    """Two rows of one: where it begins, and where it has ended. One that ends before it begins contradicts itself."""
    ended = pl.max_horizontal(BEGAN, ENDED)
    begins = rows.with_columns(available_at=BEGAN, holds=pl.lit(value=True))
    ends = rows.filter(pl.col(ENDED).is_not_null()).with_columns(available_at=ended, holds=pl.lit(value=False))
    return pl.concat([begins, ends])


def _changed(rows: pl.DataFrame, wanted: FactFiles) -> pl.DataFrame:
    """Rows that tell of their key something else than the row known before."""
    key = list(wanted.key)
    told = [name for name in wanted.columns if name not in key]
    ordered = rows.sort([*key, "available_at"], maintain_order=True)
    same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1).over(key)) for name in told)
    first = pl.int_range(pl.len()).over(key) == 0
    return ordered.filter(first | ~same)
