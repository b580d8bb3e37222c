"""Exposures: which styles the held portfolio leans on, beside the universe, in standard deviations.

A portfolio of small wild stocks earns what small wild stocks earn. An active exposure of +1 to size says that the held
names are, weighted by value, one standard deviation of the universe larger than its plain mean.
"""
# T sessions, S securities

from __future__ import annotations

import numpy as np
import polars as pl

from assets.evaluation.cases import Cases
from assets.evaluation.line import Line
from assets.evaluation.ordering import Flags, Floats
from assets.wide import Grid, spread

WIDEST = 3.0
"""Standard deviations beyond which a style counts as this many: one giant shall not be the exposure."""
GONE = 1e-9
"""Share of all units ever traded below which what is left of a position is rounding."""
SLOW = 20
"""Sessions that one value is taken to span: holdings change slowly."""


def exposures(orders: pl.DataFrame, bars: pl.DataFrame, cases: Cases) -> list[Line]:
    """Mean active exposure of what is held at each close to each style, as known after that close.

    orders  rows of `portfolio.Orders`
    bars    rows of `expectations.tables.Bars`
    cases   of the segment that was traded; the universe of a session is every name that it forecasts
    """
    held_TS = holdings(orders, bars, cases.grid)
    names_T = (held_TS > 0).sum(axis=1)
    lines = []
    for name, style_TS in cases.styles.items():
        told_TS = standardised(style_TS, ~np.isnan(cases.forecast_TS))
        weight_TS = np.where(np.isnan(told_TS), 0.0, held_TS)
        total_T = weight_TS.sum(axis=1)
        summed_T = (weight_TS * np.nan_to_num(told_TS)).sum(axis=1)
        daily_T = np.where(total_T > 0, summed_T / np.where(total_T > 0, total_T, 1), np.nan)
        lines.append(Line.of("held", name, "active_exposure", daily_T, SLOW, "standard deviations", names_T))
    return lines


def holdings(orders: pl.DataFrame, bars: pl.DataFrame, grid: Grid) -> Floats:
    """Yuan held of each security at the close of each session of the grid, [T, S], by filled orders.

    A position is counted in units, shares over the adjustment factor, which no split changes; it is worth its last
    known adjusted close. One that ended with its listing was sold by an order, too.
    """
    inside = pl.col("session").is_in(pl.Series(grid.sessions).implode())
    named = pl.col("security_id").is_in(pl.Series(grid.securities).implode())
    wide = spread(bars.filter(inside & named), grid, ("close", "adj_factor"))
    factor_ST = np.nan_to_num(_carried(wide["adj_factor"]), nan=1.0)
    worth_ST = np.nan_to_num(_carried(wide["close"] * factor_ST))
    filled = orders.filter(inside & named & (pl.col("status") != "refused"))
    rows, columns = grid.places(filled)
    sign_N = np.where(filled["side"].to_numpy() == "buy", 1.0, -1.0)
    units_ST = np.zeros(grid.shape)
    np.add.at(units_ST, (rows, columns), sign_N * filled["shares"].to_numpy() / factor_ST[rows, columns])
    held_ST = np.cumsum(units_ST, axis=1)
    is_left_ST = held_ST > GONE * np.abs(units_ST).sum(axis=1, keepdims=True)
    found_TS: Floats = np.ascontiguousarray((np.where(is_left_ST, held_ST, 0.0) * worth_ST).T)
    return found_TS


def standardised(style_TS: Floats, member_TS: Flags) -> Floats:
    """A style in standard deviations of the members of each session about their plain mean, cut at 3; NaN stays."""
    known_TS = member_TS & ~np.isnan(style_TS)
    many_T1 = np.maximum(known_TS.sum(axis=1, keepdims=True), 1)
    mean_T1 = np.where(known_TS, style_TS, 0.0).sum(axis=1, keepdims=True) / many_T1
    about_TS = style_TS - mean_T1
    spread_T1 = np.sqrt((np.where(known_TS, about_TS, 0.0) ** 2).sum(axis=1, keepdims=True) / many_T1)
    told_TS: Floats = np.clip(about_TS / np.where(spread_T1 > 0, spread_T1, np.nan), -WIDEST, WIDEST)
    return told_TS


def _carried(cells_ST: Floats) -> Floats:
    """The last known value of each row up to each session, NaN before the first."""
    place_ST = np.where(np.isnan(cells_ST), 0, np.arange(cells_ST.shape[1]))
    found_ST: Floats = np.take_along_axis(cells_ST, np.maximum.accumulate(place_ST, axis=1), axis=1)
    return found_ST
