"""Opened: one delivered file as a lazy frame, and in words why it cannot be one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import polars as pl
from pyarrow import ArrowException
from pyarrow.parquet import read_table

BEYOND = "\0beyond"
"""Column of a CSV file for what a line holds beyond the last column of the header; null for nearly all lines."""
# Polars panics on some torn files, and a panic is no Exception.
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, ArrowException, OSError, UnicodeError)
UTF_16 = (b"\xff\xfe", b"\xfe\xff")
NOT_UTF_8 = "cannot be read as csv: it holds bytes that are not UTF-8. Save it as UTF-8 (from GBK, for instance)."
SHOWN = 20
WIDTH = 80


def opened(path: Path) -> pl.LazyFrame:
    """A Parquet file in its own types; any other file as comma-separated text with a header, every column as text."""
    if path.suffix.lower() == ".parquet":
        return parquet(path)
    names = pl.scan_csv(path, infer_schema=False, glob=False).collect_schema().names()
    schema = dict.fromkeys([*names, BEYOND], pl.String())
    return pl.scan_csv(path, schema=schema, missing_columns="insert", truncate_ragged_lines=True, glob=False)


def parquet(path: Path) -> pl.LazyFrame:
    """A Parquet file that others wrote, in its own types; its texts are UTF-8.

    Arrow decodes and checks it: where a page lies about its length, Polars asks for all the memory there is and ends
    the process.
    """
    table = read_table(path)
    table.validate(full=True)
    return pl.DataFrame(table).lazy()


def columns_of(file: pl.LazyFrame) -> list[str]:
    """The columns that a file names itself."""
    return [name for name in file.collect_schema().names() if name != BEYOND]


def reopened(path: Path) -> pl.LazyFrame:
    """A file that was examined before; raises ValueError naming it where it can no longer be opened."""
    try:
        return opened(path)
    except UNREADABLE as error:
        raise ValueError(f"{path} {unreadable(path, error)}") from error


def rows_of(frame: pl.LazyFrame) -> pl.DataFrame:
    """The rows of a frame over a file of others, by the engine that meets an error in one thread.

    The streaming engine of Polars 2.1 can wait for ever for a task that an unreadable cell has ended.
    """
    return frame.collect(engine="in-memory")


def collected(frame: pl.LazyFrame, path: Path) -> pl.DataFrame:
    """The rows of a file; raises ValueError naming the file where it cannot be read."""
    try:
        return rows_of(frame)
    except UNREADABLE as error:
        raise ValueError(f"{path} {unreadable(path, error)}") from error


def unreadable(path: Path, error: BaseException) -> str:
    """What an error of reading means for a file, and what to do."""
    kind = "parquet" if path.suffix.lower() == ".parquet" else "csv"
    what = (str(error).strip() or type(error).__name__).splitlines()[0][: 2 * WIDTH]
    if isinstance(error, PermissionError):
        return f"may not be read by this user: {what}. Give the right to read it, or take it out of the folder."
    if "utf-8" in what:
        return NOT_UTF_8
    if "malformed" in what or "could not parse" in what:
        return _unclosed(what)
    return f"cannot be read as {kind}: {what}. Deliver it again, or take it out of the folder."


def shut(path: Path) -> str | None:
    """Why a file cannot be read at all, seen without reading its columns; None where it can be tried."""
    if path.is_dir():
        return "is a folder, not a file. Name what is in it by `files` in the mapping, such as 'folder/*.parquet'."
    with path.open("rb") as stream:
        start = stream.read(2)
    if not start:
        return "is empty: 0 bytes. Deliver it again, or take it out of the folder."
    if path.suffix.lower() == ".parquet":
        return None
    if start in UTF_16:
        return "cannot be read as csv: it is UTF-16. Save it as UTF-8."
    if any("\N{REPLACEMENT CHARACTER}" in name for name in columns_of(opened(path))):
        return NOT_UTF_8
    return _swallowed_lines(path)


def text_of(column: str, kind: pl.DataType) -> pl.Expr:
    """A cell as text, at most a line long; a date that no calendar has as its number of days, since Polars panics."""
    cell = pl.col(column)
    if kind == pl.Date:
        known = pl.when(cell.is_between(date.min, date.max)).then(cell)
        return pl.coalesce(known.cast(pl.String), cell.to_physical().cast(pl.String))
    return cell.cast(pl.String, strict=False).str.slice(0, WIDTH)


def listed(names: Sequence[str]) -> str:
    """Names for a sentence: the first twenty, none longer than a line."""
    rest = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return f"{[name[:WIDTH] for name in names[:SHOWN]]}{rest}"


def _swallowed_lines(path: Path) -> str | None:
    """A sentence where a quotation mark joins lines: their rows would be lost without a word."""
    plain = pl.scan_csv(path, infer_schema=False, glob=False, quote_char=None, truncate_ragged_lines=True)
    lines, rows = (rows_of(file.select(pl.len())).item() for file in (plain, opened(path)))
    return None if lines == rows else _unclosed(f"its {lines} lines hold {rows} rows")


def _unclosed(what: str) -> str:
    return (
        f"cannot be read as csv: a quotation mark is not closed in its line ({what}). Correct it or deliver it again."
    )
