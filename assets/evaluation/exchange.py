"""Exchange: which names could be bought and sold in each session, and at what price, as wide arrays."""
# T sessions, S securities

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.targets.forward_returns import DELISTED_AFTER
from assets.wide import Grid, spread

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
Codes = NDArray[np.int8]

# why an order is refused, by code; 0 is a fill, and delisted ends a position at its last close
REASONS = ("", "no_bar", "suspended", "locked_up", "locked_down", "below_one_lot", "delisted")


@dataclass(frozen=True)
class Exchange:
    """One market over the sessions of a simulation; each array is [T, S] on the grid.

    vwap     yuan per share as traded, NaN where there was no trade
    factor   adj_factor, carried over sessions without a trade
    worth    adjusted close, carried likewise
    no_buy   place in REASONS of what refuses a buy, 0 where it fills
    no_sell  the same of a sale
    listed   not yet delisted: a bar exists later, or within the last `DELISTED_AFTER` sessions
    member   member of the universe, as known after the session
    """

    grid: Grid
    boards: tuple[str, ...]
    vwap_TS: Floats
    factor_TS: Floats
    worth_TS: Floats
    no_buy_TS: Codes
    no_sell_TS: Codes
    listed_TS: Flags
    member_TS: Flags

    def benchmark(self) -> Floats:
        """Mean return of the equal-weight basket in each session after the first, [T - 1]; NaN where it is empty.

        A name enters after a session in which it was a member and could be bought; it leaves after one in which it was
        none and could be sold, or with its listing. Each session starts at equal weights.
        """
        sessions = len(self.grid.sessions)
        basket_S = np.zeros(len(self.grid.securities), dtype=bool)
        mean_T = np.full(sessions - 1, np.nan)
        for t in range(1, sessions):
            member_S, stuck_S = self.member_TS[t - 1], self.no_sell_TS[t - 1] != 0
            enters_S = member_S & (self.no_buy_TS[t - 1] == 0)
            basket_S = np.where(basket_S, member_S | stuck_S, enters_S) & self.listed_TS[t]
            if basket_S.any():
                mean_T[t - 1] = np.mean(self.worth_TS[t, basket_S] / self.worth_TS[t - 1, basket_S]) - 1
        return mean_T


def exchange_of(bars: pl.DataFrame, universe: pl.DataFrame, sessions: pl.Series, names: pl.Series) -> Exchange:
    """The exchange over `sessions`, for every security of the bars and for `names`.

    bars      rows of `expectations.tables.Bars`; those after the last session only tell which names come back
    universe  rows of `expectations.tables.Universe`
    """
    inside = pl.col("session").is_between(sessions.min(), sessions.max())
    shown, members = bars.filter(inside), universe.filter(inside & pl.col("is_member"))
    ids = pl.concat([shown["security_id"], members["security_id"], names]).unique().sort()
    grid = Grid(tuple(sessions), tuple(ids))
    flags = ("is_suspended", "is_locked_up", "is_locked_down")
    wide = {name: cells.T for name, cells in spread(shown, grid, ["vwap", "close", "adj_factor", *flags]).items()}
    traded = (wide["is_suspended"] == 0) & ~np.isnan(wide["vwap"]) & ~np.isnan(wide["close"])
    halted = np.where(np.isnan(wide["is_suspended"]), REASONS.index("no_bar"), REASONS.index("suspended"))
    up, down = ((wide[f"is_locked_{side}"] == 1) * REASONS.index(f"locked_{side}") for side in ("up", "down"))
    factor = np.nan_to_num(_carried(wide["adj_factor"]), nan=1.0)
    return Exchange(
        grid=grid,
        boards=_boards(bars, grid),
        vwap_TS=np.where(traded, wide["vwap"], np.nan),
        factor_TS=factor,
        worth_TS=_carried(np.where(traded, wide["close"] * factor, np.nan)),
        no_buy_TS=np.where(traded, up, halted).astype(np.int8),
        no_sell_TS=np.where(traded, down, halted).astype(np.int8),
        listed_TS=_listed(bars, grid),
        member_TS=_members(members, grid),
    )


def _carried(cells_TS: Floats) -> Floats:
    """Each cell's last known value up to its session; NaN before the first."""
    place_TS = np.where(np.isnan(cells_TS), 0, np.arange(len(cells_TS))[:, None])
    carried_TS: Floats = np.take_along_axis(cells_TS, np.maximum.accumulate(place_TS, axis=0), axis=0)
    return carried_TS


def _boards(bars: pl.DataFrame, grid: Grid) -> tuple[str, ...]:
    known = dict(bars.group_by("security_id").agg(pl.col("board").first()).iter_rows())
    return tuple(known.get(security, "main") for security in grid.securities)


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
