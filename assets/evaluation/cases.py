"""Cases: every forecast of a segment beside what came and what it may be sliced by, on one grid.

A case is one cell: a session, a security, the seed-averaged forecast. What slices it was known at its decision: the
board, the year, the third of size, the industry, the state of the market. Only the returns are of later.
"""
# T sessions, S securities

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.as_of import holding_join
from assets.evaluation.ordering import LEFT_OUT, Flags, Floats, Groups
from assets.evaluation.regimes import REGIMES, regimes
from assets.evaluation.styles import known_bars, styles
from assets.wide import Grid, grid_of, spread
from expectations.decisions import decided_at

SIZES = ("small", "middle", "large")


@dataclass(frozen=True)
class Slicing:
    """A way to slice cases: the slices by name, and the one of each case as its place among them, -1 where not known.

    whole_sessions  all names of a session are in the same slice
    """

    names: tuple[str, ...]
    group_TS: Groups
    whole_sessions: bool = False


@dataclass(frozen=True)
class Cases:
    """The cases of one segment, [T, S]; NaN where there is no forecast, or no return.

    returns   forward return by horizon, of names whose buy filled
    styles    figures of `styles.STYLES` by name
    slicings  ways to slice, by kind
    """

    grid: Grid
    horizon: int
    forecast_TS: Floats
    returns: Mapping[int, Floats]
    styles: Mapping[str, Floats]
    slicings: Mapping[str, Slicing]

    @property
    def realised(self) -> Floats:
        """Forward return over the horizon that was forecast, [T, S]."""
        return self.returns[self.horizon]

    @cached_property
    def counted(self) -> Flags:
        """Cases whose return is known, [T, S]."""
        known_TS: Flags = ~np.isnan(self.forecast_TS) & ~np.isnan(self.realised)
        return known_TS


def cases(
    forecasts: pl.DataFrame,
    returns: pl.DataFrame,
    bars: pl.DataFrame,
    float_shares: pl.DataFrame,
    industries: pl.DataFrame,
    horizon: int,
    hour: int,
) -> Cases:
    """Lay the forecasts of one segment beside everything that they are told apart by.

    forecasts     session, security_id, forecast (`information.seed_averaged` of one segment)
    returns       rows of `expectations.tables.ForwardReturns`, of any horizons
    bars          rows of `expectations.tables.Bars` from before the first forecast on
    float_shares  rows of `expectations.fact_tables.FloatShares`
    industries    rows of `expectations.fact_tables.Industries`
    hour          hour of the decision, exchange time
    raises        ValueError for a session and security that is forecast twice
    """
    grid = grid_of(forecasts, forecasts["session"].unique())
    if forecasts.height != forecasts.select("session", "security_id").n_unique():
        raise ValueError("a session and security is forecast twice; give the seed average of one segment")
    forecast_TS = _wide(forecasts, grid, "forecast")
    if not grid.sessions:
        return Cases(grid, horizon, forecast_TS, {horizon: forecast_TS}, {}, {})
    told_TS = ~np.isnan(forecast_TS)
    known = {name: _rows(cells_ST) for name, cells_ST in styles(bars, float_shares, grid, hour).items()}
    slicings = {
        "year": _years(grid),
        "board": _boards(known_bars(bars, hour), grid),
        "size": _sizes(known["size"], told_TS),
        "industry": _industries(forecasts, industries, grid, hour),
        **_regimes(known_bars(bars, hour), grid),
    }
    return Cases(grid, horizon, forecast_TS, _returns(returns, grid), known, slicings)


def _wide(frame: pl.DataFrame, grid: Grid, column: str) -> Floats:
    return _rows(spread(frame, grid, (column,))[column])


def _rows(cells_ST: Floats) -> Floats:
    """Sessions as rows, which lie together in memory."""
    return np.ascontiguousarray(cells_ST.T)


def _inside(frame: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    sessions, securities = (pl.Series(names) for names in (grid.sessions, grid.securities))
    return frame.filter(pl.col("session").is_in(sessions.implode()) & pl.col("security_id").is_in(securities.implode()))


def _returns(returns: pl.DataFrame, grid: Grid) -> dict[int, Floats]:
    asked = _inside(returns.select("session", "security_id", "horizon", "forward_return"), grid)
    horizons = sorted(returns["horizon"].unique().to_list())
    return {h: _wide(asked.filter(pl.col("horizon") == h), grid, "forward_return") for h in horizons}


def _years(grid: Grid) -> Slicing:
    years = sorted({session.year for session in grid.sessions})
    place_T = [years.index(session.year) for session in grid.sessions]
    return _of_sessions(tuple(map(str, years)), np.array(place_T, dtype=np.int16), grid)


def _regimes(bars: pl.DataFrame, grid: Grid) -> dict[str, Slicing]:
    sessions, found = regimes(bars)
    place = pl.Series(grid.sessions, dtype=pl.Date).replace_strict(
        sessions, pl.arange(0, len(sessions), eager=True), default=-1, return_dtype=pl.Int64
    )
    known_T = place.to_numpy()
    return {
        name: _of_sessions(REGIMES[name], np.where(known_T >= 0, third_T[known_T], LEFT_OUT), grid)
        for name, third_T in found.items()
    }


def _of_sessions(names: tuple[str, ...], place_T: Groups, grid: Grid) -> Slicing:
    return Slicing(names, np.broadcast_to(place_T[:, None], grid.shape[::-1]), whole_sessions=True)


def _boards(bars: pl.DataFrame, grid: Grid) -> Slicing:
    return _named(_inside(bars.select("session", "security_id", "board"), grid), "board", grid)


def _industries(forecasts: pl.DataFrame, industries: pl.DataFrame, grid: Grid, hour: int) -> Slicing:
    asked = forecasts.lazy().select("session", "security_id", decided_at=decided_at(pl.col("session"), hour))
    held = holding_join(asked, industries.lazy(), by=("security_id", "industry"), on=("security_id",))
    return _named(held.select("session", "security_id", "industry").collect(), "industry", grid)


def _named(rows: pl.DataFrame, column: str, grid: Grid) -> Slicing:
    """Slices by the words of a column, in alphabetical order."""
    names = rows[column].unique().sort()
    places = rows.with_columns(pl.col(column).replace_strict(names, range(len(names)), return_dtype=pl.Int16))
    cells_TS = _wide(places, grid, column)
    return Slicing(tuple(names), np.where(np.isnan(cells_TS), LEFT_OUT, np.nan_to_num(cells_TS)).astype(np.int16))


def _sizes(size_TS: Floats, told_TS: Flags) -> Slicing:
    """Thirds of the names forecast in a session by size, in whole numbers: three times the smaller ones over all."""
    known_TS: NDArray[np.bool_] = told_TS & ~np.isnan(size_TS)
    sorted_TS = np.sort(np.where(known_TS, size_TS, np.inf), axis=1)
    third_TS = np.full(size_TS.shape, LEFT_OUT)
    for t, known_S in enumerate(known_TS):
        smaller_N = np.searchsorted(sorted_TS[t], size_TS[t, known_S], side="left")
        third_TS[t, known_S] = 3 * smaller_N // max(int(known_S.sum()), 1)
    return Slicing(SIZES, third_TS)
