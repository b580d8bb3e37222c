"""Exchange: which names could be bought and sold in each session, and at what price, as wide arrays."""
# T sessions, S securities

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from assets.cleaning.rule_book import BOARDS, EXCHANGES
from assets.cleaning.rule_book import exchange as exchange_column
from assets.evaluation.executor import (
    CELLS,
    CLOSES_DOWN,
    CLOSES_UP,
    LOCKED_DOWN,
    LOCKED_UP,
    NO_BAR,
    SUSPENDED,
    Codes,
    Flags,
    Floats,
    Market,
    Whole,
)
from assets.factors.ask import Ask
from assets.factors.moments import STD, lines
from assets.factors.quantiles import QUANTILE, quantiles
from assets.targets.forward_returns import DELISTED_AFTER
from assets.wide import Grid, spread

Price = Literal["vwap", "open", "close"]
USUAL_SESSIONS = 20
PRICES = ("open", "high", "low", "close", "vwap", "limit_up", "limit_down")
FLAGS = ("is_suspended", "is_locked_up", "is_locked_down")


@dataclass(frozen=True)
class Exchange:
    """One market over the sessions of a simulation; `market` holds what the executor reads, [T, S] on the grid.

    member  member of the universe, as known after the session, [T, S]
    """

    grid: Grid
    market: Market
    member_TS: Flags

    def benchmark(self) -> Floats:
        """Mean return of the equal-weight basket in each session after the first, [T - 1]; NaN where it is empty.

        A name enters after a session in which it was a member and could be bought; it leaves after one in which it was
        none and could be sold, or with its listing. Each session starts at equal weights.
        """
        sessions, worth_TS, (no_buy_TS, no_sell_TS, listed_TS) = (
            len(self.grid.sessions),
            self.market.worth_TS,
            self.market.codes_QTS,
        )
        basket_S = np.zeros(len(self.grid.securities), dtype=bool)
        mean_T = np.full(sessions - 1, np.nan)
        for t in range(1, sessions):
            member_S, stuck_S = self.member_TS[t - 1], no_sell_TS[t - 1] != 0
            enters_S = member_S & (no_buy_TS[t - 1] == 0)
            basket_S = np.where(basket_S, member_S | stuck_S, enters_S) & (listed_TS[t] == 1)
            if basket_S.any():
                mean_T[t - 1] = np.mean(worth_TS[t, basket_S] / worth_TS[t - 1, basket_S]) - 1
        return mean_T


def exchange_of(
    bars: pl.DataFrame,
    universe: pl.DataFrame,
    sessions: pl.Series,
    names: pl.Series,
    price: Price = "vwap",
    strict: bool = False,
) -> Exchange:
    """The exchange over `sessions`, for every security of the bars and for `names`.

    bars      rows of `expectations.tables.Bars`; those after the last session only tell which names come back, those
              before the first only what is usual
    universe  rows of `expectations.tables.Universe`
    price     at which orders fill
    strict    refuse also a buy of what closes at its upper limit, and a sale of what closes at its lower one
    """
    inside = pl.col("session").is_between(sessions.min(), sessions.max())
    members = universe.filter(inside & pl.col("is_member"))
    ids = pl.concat([bars.filter(inside)["security_id"], members["security_id"], names]).unique().sort()
    calendar = bars["session"].unique().sort()
    before = calendar.filter(calendar < sessions.min()).tail(USUAL_SESSIONS)
    grid, longer = Grid(tuple(sessions), tuple(ids)), Grid((*before, *sessions), tuple(ids))
    shown = bars.filter(pl.col("session").is_in(longer.sessions), pl.col("security_id").is_in(ids.implode()))
    wide = spread(shown, longer, [*PRICES, "volume", "adj_factor", *FLAGS])
    return Exchange(grid, _market(wide, bars, grid, len(before), price, strict), _members(members, grid))


def _market(wide: dict[str, Floats], bars: pl.DataFrame, grid: Grid, before: int, price: Price, strict: bool) -> Market:
    """What the executor reads, of [S, T] arrays that begin `before` sessions earlier."""
    traded_ST = (wide["is_suspended"] == 0) & ~np.isnan(wide["vwap"]) & ~np.isnan(wide["close"])
    factor_ST = np.nan_to_num(_carried(wide["adj_factor"]), nan=1.0)
    worth_ST = _carried(np.where(traded_ST, wide["close"] * factor_ST, np.nan))
    halted_ST = np.where(np.isnan(wide["is_suspended"]), NO_BAR, SUSPENDED)
    no_buy_ST, no_sell_ST = _refusals(wide, traded_ST, halted_ST, wide[price], strict)
    shown = {name: np.where(traded_ST, wide[name], np.nan) for name in {price, "open", "high", "low"}}
    cells = {
        "price": shown[price],
        "open": shown["open"],
        "high": shown["high"],
        "low": shown["low"],
        "worth": worth_ST,
        "factor": factor_ST,
        "usual": usual_volume(np.where(traded_ST, wide["volume"], np.nan), factor_ST),
        "sigma": usual_deviation(np.where(traded_ST, worth_ST, np.nan)),
    }
    codes = (no_buy_ST[:, before:].T, no_sell_ST[:, before:].T, _listed(bars, grid))
    cells_TS = [cells[name][:, before:].T for name in CELLS]
    return Market(
        cells_QTS=np.stack(cells_TS, out=np.empty((len(CELLS), *cells_TS[0].shape))),
        codes_QTS=np.stack(codes).astype(np.int8),
        place_QS=np.stack([_boards(bars, grid), _exchanges(bars, grid)]),
    )


def _refusals(
    wide: dict[str, Floats], traded_ST: Flags, halted_ST: Codes, price_ST: Floats, strict: bool
) -> tuple[Floats, Floats]:
    """Place in REASONS of what refuses a buy and of what refuses a sale."""
    half_tick = 0.005
    up_ST, down_ST = ((wide[f"is_locked_{side}"] == 1) for side in ("up", "down"))
    buy_ST, sell_ST = np.where(up_ST, LOCKED_UP, 0), np.where(down_ST, LOCKED_DOWN, 0)
    if strict:
        at_up_ST = np.fmax(wide["close"], price_ST) >= wide["limit_up"] - half_tick
        at_down_ST = np.fmin(wide["close"], price_ST) <= wide["limit_down"] + half_tick
        buy_ST = np.where(at_up_ST & ~up_ST, CLOSES_UP, buy_ST)
        sell_ST = np.where(at_down_ST & ~down_ST, CLOSES_DOWN, sell_ST)
    return np.where(traded_ST, buy_ST, halted_ST), np.where(traded_ST, sell_ST, halted_ST)


def usual_volume(volume_ST: Floats, factor_ST: Floats) -> Floats:
    """Median volume of the last 20 sessions, those with a trade, in shares of each session; carried where none had."""
    (median_ST,) = quantiles([volume_ST / factor_ST], [Ask(QUANTILE, USUAL_SESSIONS, 0.5)])
    return _carried(median_ST) * factor_ST


def usual_deviation(worth_ST: Floats) -> Floats:
    """Standard deviation of the daily returns of the last 20 sessions; carried where fewer than two are known."""
    return_ST = np.full(worth_ST.shape, np.nan)
    before_ST = _carried(worth_ST)[:, :-1]
    return_ST[:, 1:] = worth_ST[:, 1:] / before_ST - 1
    (deviation_ST,) = lines([return_ST, np.zeros_like(return_ST)], [Ask(STD, USUAL_SESSIONS)])
    return _carried(deviation_ST)


def _carried(cells_ST: Floats) -> Floats:
    """Each cell's last known value up to its session; NaN before the first."""
    place_ST = np.where(np.isnan(cells_ST), 0, np.arange(cells_ST.shape[1]))
    carried_ST: Floats = np.take_along_axis(cells_ST, np.maximum.accumulate(place_ST, axis=1), axis=1)
    return carried_ST


def _boards(bars: pl.DataFrame, grid: Grid) -> Whole:
    known = dict(bars.group_by("security_id").agg(pl.col("board").first()).iter_rows())
    unknown = sorted({board for board in known.values() if board not in BOARDS})
    if unknown:
        raise ValueError(f"no lot size for board {unknown}; known boards are {sorted(BOARDS)}")
    return np.array([BOARDS.index(known.get(security, "main")) for security in grid.securities], dtype=np.int64)


def _exchanges(bars: pl.DataFrame, grid: Grid) -> Whole:
    named = bars.group_by("security_id").agg(pl.col("board").first()).with_columns(where=exchange_column())
    known = dict(named.select("security_id", "where").iter_rows())
    return np.array([EXCHANGES.index(known.get(security, "sse")) for security in grid.securities], dtype=np.int64)


def _listed(bars: pl.DataFrame, grid: Grid) -> Flags:
    calendar = bars["session"].unique().sort().to_numpy()
    last = dict(bars.group_by("security_id").agg(pl.col("session").max()).iter_rows())
    last_S = np.array([last.get(security, calendar[0]) for security in grid.securities], dtype="datetime64[D]")
    place_T = np.searchsorted(calendar, np.array(grid.sessions, dtype="datetime64[D]"))
    listed_TS: Flags = place_T[:, None] < np.searchsorted(calendar, last_S) + DELISTED_AFTER
    return listed_TS


def _members(members: pl.DataFrame, grid: Grid) -> Flags:
    member_TS = np.zeros((len(grid.sessions), len(grid.securities)), dtype=bool)
    rows, columns = grid.places(members)
    member_TS[columns, rows] = True
    return member_TS
