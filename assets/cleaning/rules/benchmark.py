"""Benchmark: what the market did in a session, against which a move of one name counts as its own.

The exchanges compare a name with the index of its board. Where the source brings no such index, the mean of the bars,
weighted by their usual trading, stands in for it and says so.
"""
# S securities, T sessions

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.rules.windows import earlier, mean
from assets.wide import Grid

Wide = NDArray[np.float64]
WEIGHED_OVER = 20
# The index that each exchange names in its rules on abnormal fluctuation: A-share indices of the main boards, the
# ChiNext composite, STAR 50, BSE 50.
INDICES: dict[tuple[str, str], str] = {
    ("sh", "main"): "sh000002",
    ("sz", "main"): "sz399107",
    ("sz", "chinext"): "sz399102",
    ("sh", "star"): "sh000688",
    ("bj", "bse"): "bj899050",
}
BOARD_PLACES = {"main": 0, "chinext": 1, "star": 2, "bse": 3}


@dataclass(frozen=True)
class Benchmark:
    """Return of the benchmark of each cell, [S, T], and what it is."""

    return_ST: Wide
    name: str


def benchmark(
    grid: Grid, board_ST: NDArray[np.int8], return_ST: Wide, amount_ST: Wide, index_bars: pl.DataFrame
) -> Benchmark:
    """The index of each board where `index_bars` has it that session, else the mean weighted by the amounts before.

    amount_ST   yuan, NaN where not traded; a weight is the mean of the 20 sessions before, so that what is traded much
                today does not count for more today
    index_bars  rows of RawIndexBars; of several rows for a session the first known counts
    """
    weighted_T = _weighted(return_ST, earlier(mean(amount_ST, WEIGHED_OVER, 1), 1))
    found_ST = np.broadcast_to(weighted_T, grid.shape).copy()
    indices = _index_returns(index_bars, grid)
    if not indices:
        return Benchmark(found_ST, "the amount-weighted mean of the bars")
    for (exchange, board), index_id in INDICES.items():
        if index_id in indices:
            of_exchange_S = np.array([name.startswith(exchange) for name in grid.securities])
            mine_ST = of_exchange_S[:, None] & (board_ST == BOARD_PLACES[board]) & np.isfinite(indices[index_id])
            found_ST[mine_ST] = np.broadcast_to(indices[index_id], grid.shape)[mine_ST]
    return Benchmark(found_ST, "the index of its board, or the amount-weighted mean of the bars where that is missing")


def _weighted(return_ST: Wide, weight_ST: Wide) -> Wide:
    """Weighted mean of each session, [T]; NaN without a weight. Added row by row: a name without weight adds 0."""
    top_T, weight_T = np.zeros(return_ST.shape[1]), np.zeros(return_ST.shape[1])
    counts_ST = np.isfinite(return_ST) & (weight_ST > 0)
    for return_T, row_T, counts_T in zip(return_ST, weight_ST, counts_ST, strict=True):
        top_T += np.where(counts_T, return_T * row_T, 0.0)
        weight_T += np.where(counts_T, row_T, 0.0)
    return top_T / np.where(weight_T > 0, weight_T, np.nan)


def _index_returns(index_bars: pl.DataFrame, grid: Grid) -> dict[str, Wide]:
    """Index -> daily return on the grid's sessions, [T], NaN where it has no row; only indices that are asked for."""
    believable = (pl.col("close") > 0) & (pl.col("prev_close") > 0)
    rows = (
        index_bars.filter(pl.col("index_id").is_in(list(INDICES.values())) & believable.fill_null(False))
        .sort("available_at", nulls_last=True, maintain_order=True)
        .unique(["session", "index_id"], keep="first", maintain_order=True)
    )
    asked = pl.DataFrame({"session": pl.Series(grid.sessions, dtype=pl.Date)})
    returns = rows.select("session", "index_id", move=pl.col("close") / pl.col("prev_close") - 1)
    return {
        str(index_id): asked.join(told, on="session", how="left", maintain_order="left")["move"]
        .fill_null(np.nan)
        .to_numpy()
        for (index_id,), told in returns.group_by("index_id")
    }
