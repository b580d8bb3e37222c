"""Benchmark: what the market did in a session, against which a move of one name counts as its own.

The exchanges compare a name with the index of its board (`deviation_index` of the rule book). Where the source has no
index for that, the index of all bars stands in; where the session has other indices only, their mean does.
"""
# S securities, T sessions

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.as_of import as_of_join
from assets.cleaning.rule_book import BOARDS, look_up
from assets.wide import Grid

Wide = NDArray[np.float64]
EXCHANGES = {"sh": "sse", "sz": "szse", "bj": "bse"}
PLACES = (("sh", "main"), ("sz", "main"), ("sz", "chinext"), ("sh", "star"), ("bj", "bse"))
RULE = "deviation_index"
NAME = "the index of its board or what stands in for it"


def benchmark(known_at: pl.DataFrame, board_ST: NDArray[np.int8], grid: Grid, index_bars: pl.DataFrame) -> Wide:
    """Return of the benchmark of each cell, [S, T], NaN where nothing was known of the session when it was judged.

    known_at    session, decided_at: every session of the grid, and when it is judged
    index_bars  rows of IndexBars
    """
    move = (pl.col("close") / pl.col("prev_close") - 1).alias("move")
    believable = pl.all_horizontal((pl.col(name) > 0) & pl.col(name).is_finite() for name in ("close", "prev_close"))
    moves = index_bars.filter(believable.fill_null(False)).select("session", "index_id", "origin", "available_at", move)
    stand_in_T = _stand_in(known_at, moves)
    found_ST = np.broadcast_to(stand_in_T, grid.shape).copy()
    exchange_S = np.array([name[:2] for name in grid.securities], dtype=str)
    for exchange, board in PLACES:
        mine_ST = (exchange_S == exchange)[:, None] & (board_ST == BOARDS.index(board))
        if not mine_ST.any():
            continue
        asked = look_up(known_at.with_columns(board=pl.lit(board), exchange=pl.lit(EXCHANGES[exchange])), RULE)
        own_T = _moves(asked.rename({RULE: "index_id"}), moves, ("session", "index_id"))
        mine_ST &= np.isfinite(own_T)
        found_ST[mine_ST] = np.broadcast_to(own_T, grid.shape)[mine_ST]
    return found_ST


def _stand_in(known_at: pl.DataFrame, moves: pl.DataFrame) -> Wide:
    """Return of the index of all bars, [T], and on sessions without it the mean of all indices known by then."""
    all_bars_T = _moves(known_at, moves.filter(pl.col("origin") == "proxy"), ("session",))
    every = known_at.join(moves.select("session", "index_id").unique(), on="session").sort("session", "index_id")
    known = every.with_columns(move=_moves(every, moves, ("session", "index_id"))).filter(pl.col("move").is_not_nan())
    mean_T = np.full(known_at.height, np.nan)
    if known.height:
        # One sum after another over each session, the same whatever came before.
        starts = known["session"].rle_id().is_first_distinct().arg_true().to_numpy()
        counts = np.diff([*starts, known.height])
        places = known_at["session"].search_sorted(known["session"].gather(starts)).to_numpy()
        mean_T[places] = np.add.reduceat(known["move"].to_numpy(), starts) / counts
    return np.where(np.isfinite(all_bars_T), all_bars_T, mean_T)


def _moves(asked: pl.DataFrame, moves: pl.DataFrame, by: tuple[str, ...]) -> Wide:
    """The return that was known for each row asked for, NaN where none was."""
    facts = moves.select(*by, "available_at", "move")
    found = as_of_join(asked.select(*by, "decided_at").lazy(), facts.lazy(), by).collect()
    return found["move"].fill_null(np.nan).to_numpy()
