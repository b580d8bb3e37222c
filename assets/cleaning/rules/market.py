"""Market: the accepted bars as wide arrays, which is what the marking rules look at."""
# S securities, T sessions

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.rules.benchmark import Benchmark, benchmark
from assets.wide import Grid, grid_of, spread

Wide = NDArray[np.float64]
Flags = NDArray[np.bool_]
HALF_A_CENT = 0.005
BOARDS = ("main", "chinext", "star", "bse")
NUMBERS = ("close", "prev_close", "limit_up", "limit_down", "volume", "amount", "adj_factor")
FLAGS = ("is_suspended", "is_st", "is_new_listing", "is_locked_up", "is_locked_down")


@dataclass(frozen=True)
class Market:
    """Bars on the grid of their securities by the calendar's sessions; numbers are NaN and flags false without a row.

    numbers       NUMBERS -> [S, T], prices as traded; the volume and amount of a suspended session are NaN
    flags         FLAGS -> [S, T]
    board_ST      place in BOARDS, -1 without a row
    index_bars    rows of RawIndexBars up to the last session, maybe none
    float_ST      shares that can be traded, as known after the session; NaN where no source tells them
    announced_ST  an announcement of the delisting period became known before the close of the session
    """

    grid: Grid
    has_row_ST: Flags
    numbers: dict[str, Wide]
    flags: dict[str, Flags]
    board_ST: NDArray[np.int8]
    index_bars: pl.DataFrame
    float_ST: Wide
    announced_ST: Flags

    @property
    def traded(self) -> Flags:
        """Cells with a trade, [S, T]."""
        return self.has_row_ST & ~self.flags["is_suspended"]

    @cached_property
    def returns(self) -> Wide:
        """[S, T] close over the reference price, less 1: the daily return of the exchange, free of splits."""
        traded_ST = np.where(self.traded, self.numbers["close"], np.nan)
        return traded_ST / self.numbers["prev_close"] - 1

    @cached_property
    def shares(self) -> Wide:
        """[S, T] volume of traded sessions in shares of the past's size, so that a split is no burst of trading."""
        return self.numbers["volume"] / self.numbers["adj_factor"]

    @cached_property
    def turnover(self) -> Wide:
        """[S, T] volume over the shares that can be traded; NaN where they are not known."""
        return self.numbers["volume"] / self.float_ST

    @cached_property
    def benchmark(self) -> Benchmark:
        """What the rest of the market did."""
        return benchmark(self.grid, self.board_ST, self.returns, self.numbers["amount"], self.index_bars)

    def at_limit_up(self) -> Flags:
        """Cells that closed at their upper limit."""
        close_ST, limit_ST = self.numbers["close"], self.numbers["limit_up"]
        reached_ST: Flags = self.traded & (close_ST >= limit_ST - HALF_A_CENT)
        return reached_ST


def market_of(
    bars: pl.DataFrame,
    sessions: pl.Series,
    index_bars: pl.DataFrame,
    float_shares: pl.DataFrame,
    delistings: pl.DataFrame,
) -> Market:
    """The bars that lie on the calendar and name their security, spread out.

    index_bars    rows of RawIndexBars
    float_shares  session (from which it is known), security_id, float_shares; in any order, any session
    delistings    session (in which it is known), security_id of announcements of a delisting period
    """
    keyed = bars.filter(pl.col("session").is_in(sessions.implode()), pl.col("security_id").is_not_null())
    grid = grid_of(keyed, sessions)
    board = pl.col("board").replace_strict(BOARDS, range(len(BOARDS)), default=-1, return_dtype=pl.Float64)
    wide = spread(keyed.with_columns(board, has_row=1.0), grid, (*NUMBERS, *FLAGS, "board", "has_row"))
    flags = {name: wide[name] == 1 for name in FLAGS}
    for name in ("volume", "amount"):
        wide[name][flags["is_suspended"]] = np.nan
    return Market(
        grid,
        wide["has_row"] == 1,
        {name: wide[name] for name in NUMBERS},
        flags,
        np.nan_to_num(wide["board"], nan=-1.0).astype(np.int8),
        index_bars,
        _as_of(float_shares, grid),
        _known(delistings, grid),
    )


def _as_of(float_shares: pl.DataFrame, grid: Grid) -> Wide:
    """The latest figure known in or before each session, [S, T]."""
    known = float_shares.filter(
        (pl.col("float_shares") > 0) & pl.col("security_id").is_in(grid.securities) & pl.col("session").is_not_null()
    ).sort("session")
    asked = pl.DataFrame({"session": pl.Series(grid.sessions, dtype=pl.Date)})
    float_ST = np.full(grid.shape, np.nan)
    rows = {name: row for row, name in enumerate(grid.securities)}
    for (name,), told in known.group_by("security_id", maintain_order=True):
        latest = asked.join_asof(told.select("session", "float_shares"), on="session")["float_shares"]
        float_ST[rows[str(name)]] = latest.fill_null(np.nan).to_numpy()
    return float_ST


def _known(delistings: pl.DataFrame, grid: Grid) -> Flags:
    """The first session of the grid in or after the one in which each announcement is known, [S, T]."""
    known_ST = np.zeros(grid.shape, dtype=bool)
    told = delistings.filter(pl.col("security_id").is_in(grid.securities), pl.col("session").is_not_null())
    sessions = pl.Series(grid.sessions, dtype=pl.Date)
    rows = {name: row for row, name in enumerate(grid.securities)}
    for name, session in told.select("security_id", "session").iter_rows():
        if (place := int(sessions.search_sorted(session))) < len(sessions):
            known_ST[rows[name], place] = True
    return known_ST
