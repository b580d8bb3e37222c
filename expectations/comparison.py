"""Comparison: where two versions of one table differ, row by row and column by column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

KEYS = ("session", "index_id", "security_id", "rule", "horizon", "seed")
ATOL, RTOL = 1e-9, 1e-7


@dataclass(frozen=True)
class Difference:
    """What two versions of a column have apart: how many cells, by how much at most, and the first one in words.

    `worst` is null for anything but numbers, and infinite where a value came or went.
    """

    rows_changed: int
    worst: float | None
    first_example: str | None


def keys(frame: pl.DataFrame) -> list[str]:
    """The columns, among KEYS, that identify a row of `frame`."""
    return [name for name in KEYS if name in frame.columns]


def ordered(name: str, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` in the order of its keys. A table without sessions, or with two rows of one key, raises ValueError."""
    found = keys(frame)
    if "session" not in found:
        raise ValueError(f"{name} has no column 'session' but {frame.columns}; only tables by session can be compared")
    if frame.select(_rises(found)).item():
        return frame
    in_order = frame.sort(found)
    repeats = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in found)
    twice = in_order.filter(repeats & (pl.int_range(pl.len()) > 0))
    if twice.height:
        where = place(twice.row(0, named=True))
        raise ValueError(f"{name} has two rows of {where}; a table is compared by {found}: make them unique")
    return in_order


def _rises(names: Sequence[str]) -> pl.Expr:
    """Whether every row comes after the one before it, by the first of these columns in which they are apart."""
    rises = pl.lit(value=False)
    for name in reversed(names):
        before = pl.col(name).shift(1)
        rises = (pl.col(name) > before) | ((pl.col(name) == before) & rises)
    return rises.slice(1).fill_null(value=False).all()


def matched(before: pl.DataFrame, after: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of either frame whose keys the other has too, in the same order; both are given in key order."""
    names = keys(before)
    if before.select(names).equals(after.select(names)):
        return before, after
    left, right = before.select(names).with_row_index("_before"), after.select(names).with_row_index("_after")
    pairs = left.join(right, on=names, how="inner", nulls_equal=True, maintain_order="left")
    return before[pairs["_before"]], after[pairs["_after"]]


def differences(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Difference]:
    """By column that is no key, the differences of two frames whose rows match one to one."""
    names = keys(before)
    places = before.select(names)
    return {name: _difference(places, before[name], after[name]) for name in before.columns if name not in names}


def place(row: dict[str, object]) -> str:
    """The keys of a row in words: 'sz000401 2015-03-04 horizon 5'."""
    named = [f"{name} {row[name]}" for name in ("horizon", "seed") if name in row]
    return " ".join([str(row[name]) for name in ("security_id", "session") if name in row] + named)


def _difference(places: pl.DataFrame, before: pl.Series, after: pl.Series) -> Difference:
    if before.dtype == after.dtype and before.equals(after, null_equal=True):
        return Difference(0, None, None)
    if before.dtype != after.dtype:
        return Difference(before.len(), None, f"type {before.dtype} before, {after.dtype} after")
    if before.dtype.is_float():
        changed, apart = _floats_changed(before, after)
    else:
        changed, apart = before.ne_missing(after).to_numpy(), None
    if not changed.any():
        return Difference(0, None, None)
    first = int(changed.argmax())
    example = f"{place(places.row(first, named=True))}: {before[first]} before, {after[first]} after"
    return Difference(int(changed.sum()), None if apart is None else float(apart[changed].max()), example)


def _floats_changed(before: pl.Series, after: pl.Series) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Cells further apart than the tolerance, and by how much; null, NaN and infinity equal only themselves."""
    x, y = before.to_numpy().astype(np.float64), after.to_numpy().astype(np.float64)
    with np.errstate(invalid="ignore"):
        alike = (x == y) | (np.isnan(x) & np.isnan(y))
        apart = np.where(alike, 0.0, np.abs(x - y))
    apart[np.isnan(apart)] = np.inf
    # Both are NaN here; where there are no more of these than nulls, they are told apart already.
    if before.null_count() + after.null_count() < np.isnan(x).sum() + np.isnan(y).sum():
        apart[before.is_null().to_numpy() != after.is_null().to_numpy()] = np.inf
    finite = np.where(np.isfinite(x), np.abs(x), 0.0)
    return apart > ATOL + RTOL * finite, apart
