"""Active return: the portfolio beside a yardstick; the excess, how far it strays, what a unit of straying earned.

The yardsticks are the equal-weight universe that could be held, and indices. All are before costs; the portfolio is
after them.
"""
# T sessions

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from assets.evaluation.intervals import SESSIONS_PER_YEAR, interval
from assets.evaluation.line import Line
from assets.evaluation.ordering import Floats

UNIVERSE = "equal-weight universe"
KIND = "beside"


def active_returns(daily: pl.DataFrame, indices: pl.DataFrame, hold: int) -> list[Line]:
    """Excess return a year, tracking error, information ratio and deepest fall of the excess, for each yardstick.

    daily    rows of `portfolio.PortfolioDaily`, of the sessions that are looked at
    indices  `index_returns.index_returns` of its sessions
    hold     sessions for which a position is held
    """
    net_T = daily["net_return"].to_numpy()
    yardsticks = {UNIVERSE: daily["benchmark_return"].cast(pl.Float64).fill_null(np.nan).to_numpy()}
    yardsticks |= {name: indices[name].to_numpy() for name in indices.columns if name != "session"}
    return [line for name, other_T in yardsticks.items() for line in _lines(name, net_T, other_T, hold)]


def _lines(name: str, net_T: Floats, other_T: Floats, hold: int) -> Iterator[Line]:
    active_T = (net_T - other_T)[~np.isnan(other_T)]
    many = len(active_T)
    mean = interval(active_T, hold).times(SESSIONS_PER_YEAR)
    error = float(active_T.std(ddof=1)) * math.sqrt(SESSIONS_PER_YEAR) if many > 1 else math.nan
    year = "simple return a year"
    yield Line(KIND, name, "excess_return_annual", mean.mean, mean.lower, mean.upper, year, many, 0.0)
    other = float(other_T[~np.isnan(other_T)].mean()) * SESSIONS_PER_YEAR if many else math.nan
    yield Line.plain(KIND, name, "return_annual", other, year, many, 0.0)
    yield Line.plain(KIND, name, "tracking_error_annual", error, "share a year", many, 0.0)
    ratio = mean.times(1 / error) if error > 0 else interval([], hold)
    yield Line(KIND, name, "information_ratio", ratio.mean, ratio.lower, ratio.upper, "per year", many, 0.0)
    yield Line.plain(KIND, name, "deepest_fall", deepest_fall(active_T), "share", many, 0.0)


def deepest_fall(returns_T: Floats) -> float:
    """Deepest fall of a growing sum of returns, compounded, from its highest value before; the start counts as one."""
    if not len(returns_T):
        return math.nan
    worth_T = np.concatenate([[1.0], np.cumprod(1 + returns_T)])
    return float((worth_T / np.maximum.accumulate(worth_T)).min()) - 1
