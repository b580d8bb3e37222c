"""Examination: what one file holds, and why it is refused whole if it cannot be believed as a whole."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from assets.sources.mapping import NUMBERS, Mapping
from assets.sources.opened import UNREADABLE, columns_of, listed, opened, rows_of, shut, text_of, unreadable
from assets.sources.unit_fault import unit_fault

CORRECTION = "Correct `units` in the mapping, or the file."


@dataclass(frozen=True)
class Delivery:
    """One file: its rows in the declared span, their first and last date, and why it is refused if it is."""

    name: str
    rows: int = 0
    first: date | None = None
    last: date | None = None
    fault: str | None = None


def examined(folder: Path, path: Path, mapping_json: str, latest: date) -> Delivery:
    """The delivery in a file, read once for as long as nothing changes: the file, the mapping, or its latest date."""
    return _examined(folder, path, mapping_json, latest, stamp(path))


def companion_fault(path: Path, mapping: Mapping, dated_by: str, columns: Sequence[str]) -> str | None:
    """Why a file that the mapping names beside the bars cannot be used; None where it can."""
    try:
        if fault := shut(path):
            return fault
        file = opened(path)
        held = columns_of(file)
        if missing := [column for column in columns if column not in held]:
            return f"has no column {missing}; it has {listed(held)}. Correct the mapping."
        return _date_fault(file, dated_by, mapping)
    except UNREADABLE as error:
        return unreadable(path, error)


def _date_fault(file: pl.LazyFrame, column: str, mapping: Mapping) -> str | None:
    schema = file.collect_schema()
    written, day = _is_written(column, schema, "session"), mapping.day(column, schema[column])
    unread = written & day.is_null()
    counts = file.select(
        unread.sum(),
        written.sum().alias("all"),
        text_of(column, schema[column]).filter(unread).first().alias("example"),
    )
    wrong, all_of_them, example = rows_of(counts).row(0)
    if 2 * wrong <= all_of_them:
        return None
    return _unread_words("session", column, f"{wrong} of {all_of_them}", example, mapping, schema)


@functools.lru_cache(maxsize=10_000)
def _examined(folder: Path, path: Path, mapping_json: str, latest: date, stamp: tuple[int, int]) -> Delivery:
    """What a file holds in the declared span; `latest` and `stamp` only tell it from what was seen before."""
    mapping = Mapping.model_validate_json(mapping_json)
    name = str(path.relative_to(folder))
    try:
        if fault := shut(path) or _format_fault(path, mapping):
            return Delivery(name, fault=fault)
        file = opened(path)
        if fault := _column_fault(file, mapping) or _cell_fault(file, mapping):
            return Delivery(name, fault=fault)
        rows = _probe(file, mapping)
    except UNREADABLE as error:
        return Delivery(name, fault=unreadable(path, error))
    first, last = rows.select(first=pl.col("session").min(), last=pl.col("session").max()).row(0)
    undated = "has no row with a date. Deliver it again, or take it out of the folder."
    fault = undated if rows.height and first is None else unit_fault(rows, CORRECTION)
    return Delivery(name, rows.height, first, last, fault)


def _probe(file: pl.LazyFrame, mapping: Mapping) -> pl.DataFrame:
    columns = mapping.bars(file.collect_schema())
    wanted = file.select(**{name: columns[name] for name in ("session", "close", "volume", "amount")})
    return rows_of(wanted.filter(mapping.spans(pl.col("session")) | pl.col("session").is_null()))


def _format_fault(path: Path, mapping: Mapping) -> str | None:
    if (path.suffix.lower() == ".parquet") == (mapping.format == "parquet"):
        return None
    return f"is called '{path.suffix}', while the mapping says format: {mapping.format}. Correct `format` or `files`."


def _column_fault(file: pl.LazyFrame, mapping: Mapping) -> str | None:
    """A sentence when a column that the mapping names is missing, or is there twice."""
    held, wanted = columns_of(file), mapping.source_columns()
    if missing := {theirs: ours for theirs, ours in wanted.items() if theirs not in held}:
        named = ", ".join(f"'{theirs}' (our {ours})" for theirs, ours in missing.items())
        return f"has no column {named}; it has {listed(held)}. Correct the mapping or the file."
    if twice := [theirs for theirs in wanted if f"{theirs}_duplicated_0" in held]:
        return f"has more than one column called {listed(twice)}; which one is meant? Rename or remove the others."
    return None


def _cell_fault(file: pl.LazyFrame, mapping: Mapping) -> str | None:
    """A sentence when there is no row, or most cells of a column are no date or no number; every cell is read once."""
    schema = file.collect_schema()
    columns = mapping.bars(schema)
    theirs = {ours: mapping.columns[ours] for ours in ("session", *NUMBERS)}
    written = {ours: _is_written(name, schema, ours) for ours, name in theirs.items()}
    unread = {ours: columns[ours].is_null() & written[ours] for ours in theirs}
    counts = file.select(
        pl.len().alias("rows"),
        *(written[ours].sum().alias(f"{ours} written") for ours in theirs),
        *(unread[ours].sum().alias(f"{ours} unread") for ours in theirs),
        *(
            text_of(name, schema[name]).filter(unread[ours]).first().alias(f"{ours} example")
            for ours, name in theirs.items()
        ),
        *(columns[ours].null_count().alias(ours) for ours in ("security_id", "is_st", "is_suspended")),
    )
    found = rows_of(counts).row(0, named=True)
    if not found["rows"]:
        return "has a header and no rows. Deliver it again, or take it out of the folder."
    for ours, column in theirs.items():
        unread, written = found[f"{ours} unread"], found[f"{ours} written"]
        if 2 * unread > written:
            return _unread_words(ours, column, f"{unread} of {written}", found[f"{ours} example"], mapping, schema)
    return None


def _is_written(column: str, schema: pl.Schema, ours: str) -> pl.Expr:
    """Whether a cell claims to hold something: any text for a date, text with a digit for a number."""
    if schema[column].is_float():
        return pl.col(column).is_not_null() & pl.col(column).is_not_nan()
    if schema[column] != pl.String:
        return pl.col(column).is_not_null()
    return pl.col(column).str.contains(r"\S" if ours == "session" else r"\d").fill_null(value=False)


def _unread_words(ours: str, column: str, share: str, example: object, mapping: Mapping, schema: pl.Schema) -> str:
    demanded, remedy = "a number such as 1234.5, without separators", "Correct the file."
    if ours == "session":
        demanded = mapping.date_demanded(schema[column])
        remedy = "Correct `date_format` in the mapping, or the file."
    found = f"in {share} rows column '{column}' (our {ours}) does not hold {demanded}"
    return f"{found}; the first says '{example}'. {remedy}"


def stamp(path: Path) -> tuple[int, int]:
    """Size and time of change; zeros where there is nothing to ask, such as behind a broken link."""
    try:
        return path.stat().st_size, path.stat().st_mtime_ns
    except OSError:
        return 0, 0
