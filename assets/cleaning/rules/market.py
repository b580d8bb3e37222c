"""Market: the accepted bars as wide arrays, which is what the marking rules look at."""
# S securities, T sessions

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.as_of import as_of_join
from assets.cleaning.rule_book import BOARDS
from assets.cleaning.rules.benchmark import benchmark
from assets.wide import Grid, grid_of, spread

Wide = NDArray[np.float64]
Flags = NDArray[np.bool_]
HALF_A_CENT = 0.005
DELISTING = "退市整理期"
NUMBERS = ("close", "prev_close", "limit_up", "limit_down", "volume", "amount", "adj_factor")
FLAGS = ("is_suspended", "is_st", "is_new_listing", "is_locked_up", "is_locked_down")


@dataclass(frozen=True)
class Market:
    """Bars on the grid of their securities by the calendar's sessions; numbers are NaN and flags false without a row.

    numbers       NUMBERS -> [S, T], prices as traded; the volume and amount of a suspended session are NaN
    flags         FLAGS -> [S, T]
    board_ST      place in BOARDS, -1 without a row
    benchmark_ST  daily return of what each name is compared with; NaN where it was not known
    float_ST      shares that can be traded, as reported by the time of the bar; NaN where nobody reported them
    announced_ST  an announcement of the delisting period became known since the session before
    """

    grid: Grid
    has_row_ST: Flags
    numbers: dict[str, Wide]
    flags: dict[str, Flags]
    board_ST: NDArray[np.int8]
    benchmark_ST: Wide
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

    def at_limit_up(self) -> Flags:
        """Cells that closed at their upper limit."""
        close_ST, limit_ST = self.numbers["close"], self.numbers["limit_up"]
        reached_ST: Flags = self.traded & (close_ST >= limit_ST - HALF_A_CENT)
        return reached_ST


def market_of(
    bars: pl.DataFrame, sessions: pl.Series, index_bars: pl.DataFrame, float_shares: pl.DataFrame, news: pl.DataFrame
) -> Market:
    """The bars that lie on the calendar and name their security, spread out, with the facts known beside them.

    A session is judged when the last of its bars is known: an index or a piece of news that comes later does not count.

    bars        rows of Bars
    sessions    dates of the calendar
    index_bars, float_shares, news
                rows of the clean tables, in any order and of any date
    """
    keyed = bars.filter(pl.col("session").is_in(sessions.implode()), pl.col("security_id").is_not_null())
    grid = grid_of(keyed, sessions)
    board = pl.col("board").replace_strict(BOARDS, range(len(BOARDS)), default=-1, return_dtype=pl.Float64)
    wide = spread(keyed.with_columns(board, has_row=1.0), grid, (*NUMBERS, *FLAGS, "board", "has_row"))
    flags = {name: wide[name] == 1 for name in FLAGS}
    for name in ("volume", "amount"):
        wide[name][flags["is_suspended"]] = np.nan
    board_ST = np.nan_to_num(wide["board"], nan=-1.0).astype(np.int8)
    known_at = _known_at(keyed, grid)
    return Market(
        grid,
        wide["has_row"] == 1,
        {name: wide[name] for name in NUMBERS},
        flags,
        board_ST,
        benchmark(known_at, board_ST, grid, index_bars),
        _reported_shares(keyed, float_shares, grid),
        _announced(news, known_at, grid),
    )


def _known_at(bars: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    """session, decided_at: when the last bar of each session of the grid was known; null without a bar."""
    asked = pl.DataFrame({"session": pl.Series(grid.sessions, dtype=pl.Date)})
    last = bars.group_by("session").agg(decided_at=pl.col("available_at").max())
    return asked.join(last, on="session", how="left", maintain_order="left")


def _reported_shares(bars: pl.DataFrame, float_shares: pl.DataFrame, grid: Grid) -> Wide:
    """The latest report known with each bar, [S, T]; a proxy is no report."""
    reported = float_shares.filter(pl.col("origin") == "reported").select("security_id", "available_at", "float_shares")
    asked = bars.select("session", "security_id", decided_at="available_at")
    known = as_of_join(asked.lazy(), reported.lazy(), ("security_id",)).collect()
    return spread(known, grid, ("float_shares",))["float_shares"]


def _announced(news: pl.DataFrame, known_at: pl.DataFrame, grid: Grid) -> Flags:
    """The session with whose decision an announcement of a delisting period was first known, [S, T]."""
    names_it = pl.col("title").str.contains(DELISTING, literal=True) & (pl.col("kind") == "announcement")
    told = news.filter(names_it, pl.col("security_id").is_in(grid.securities)).select("security_id", "available_at")
    since = pl.col("decided_at").forward_fill().shift(1)
    asked = known_at.with_columns(_since=since).join(told.select("security_id").unique(), how="cross")
    known = as_of_join(asked.lazy(), told.lazy(), ("security_id",)).collect()
    fresh = known.filter(pl.col("available_at") > pl.col("_since"))
    announced_ST = np.zeros(grid.shape, dtype=bool)
    announced_ST[grid.places(fresh)] = True
    return announced_ST
