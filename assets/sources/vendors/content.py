"""Content: the digest of each month of a raw table, made again only when one of the files behind it changed."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

Stamp = tuple[str, int, int]


@dataclass(frozen=True)
class Content:
    """Rows of a table, told apart by what they are made from.

    settings  the source's settings, as JSON
    table     asset key
    stamps    path, time and size of every file that the rows come from
    rows      makes them; called only when something changed
    """

    settings: str
    table: str
    months: tuple[date, ...]
    stamps: tuple[Stamp, ...]
    rows: Callable[[], pl.DataFrame] = field(compare=False)
    dated_by: str = field(compare=False)


def stamps(paths: Iterable[Path]) -> tuple[Stamp, ...]:
    """What tells a changed file from the one seen before."""
    found = ((path, path.stat()) for path in sorted(paths))
    return tuple((str(path), stat.st_mtime_ns, stat.st_size) for path, stat in found)


@functools.lru_cache(maxsize=32)
def month_digests(content: Content) -> dict[date, str]:
    """Start of month -> SHA-256 of its rows as CSV: of content alone, no times of files. Do not change the answer."""
    rows = content.rows()
    month = rows[content.dated_by].dt.month_start().alias("_month")
    parts = rows.with_columns(month).partition_by("_month", as_dict=True, include_key=False)
    texts = {start: parts.get((start,), rows.clear()).write_csv() for start in content.months}
    return {start: hashlib.sha256(text.encode()).hexdigest() for start, text in texts.items()}
