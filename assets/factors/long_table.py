"""Long table: factors as the columns of a table with one row per traded bar, made without a wide array of each."""
# S securities, s of them in a slab, T sessions, N rows

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from assets.factors.compute import in_slabs
from assets.factors.factor import Factor
from assets.factors.plan import evaluate, plan_for
from assets.wide import Grid

Wide = NDArray[np.float64]


def long_table(factors: Sequence[Factor], grid: Grid, wide: Mapping[str, Wide], threads: int = 1) -> pl.DataFrame:
    """Session, security and every factor in Float32, sorted; values that are not finite are null.

    Beside `wide` it holds little more than the table itself: 5,000 securities over 3,000 sessions with 158 factors take
    about 10 GB in all.
    """
    row_ST, keys = _rows(grid, np.isfinite(wide["close"]))
    found = {factor.name: np.empty(keys.height, dtype=np.float32) for factor in factors}

    steps = plan_for(tuple(factors))

    def work(rows: slice, slab: Mapping[str, Wide]) -> None:
        for name, values_sT in evaluate(steps, slab):
            _put(values_sT, row_ST[rows], found[name])

    in_slabs(wide, work, threads)
    return keys.with_columns(*(_column(factor.name, found.pop(factor.name)) for factor in factors))


def _rows(grid: Grid, traded_ST: NDArray[np.bool_]) -> tuple[NDArray[np.int32], pl.DataFrame]:
    """Row of each traded cell in the long table, -1 of others, and the table's keys."""
    sessions, securities = np.nonzero(traded_ST.T)
    row_ST = np.full(grid.shape, -1, dtype=np.int32)
    row_ST[securities, sessions] = np.arange(len(sessions), dtype=np.int32)
    keys = {
        "session": pl.Series(grid.sessions, dtype=pl.Date).gather(sessions),
        "security_id": pl.Series(grid.securities, dtype=pl.String).gather(securities),
    }
    return row_ST, pl.DataFrame(keys)


def _column(name: str, values_N: NDArray[np.float32]) -> pl.Series:
    return pl.Series(name, values_N, nan_to_null=True)


@njit(cache=True, nogil=True)
def _put(values_ST: Wide, row_ST: NDArray[np.int32], found_N: NDArray[np.float32]) -> None:
    """Session by session, as the rows lie, so that neighbours are written together."""
    for t in range(values_ST.shape[1]):
        for s in range(values_ST.shape[0]):
            if row_ST[s, t] >= 0:
                value = np.float32(values_ST[s, t])
                found_N[row_ST[s, t]] = value if np.isfinite(value) else np.float32(np.nan)
