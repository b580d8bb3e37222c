"""Styles: what kind of stock a name is after a session, by what was known then: size, beta, volatility, reversal."""
# S securities, T sessions

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.as_of import as_of_join
from assets.features.market_line import moments
from assets.features.neighbours import market_mean
from assets.features.price_window import STALE_AFTER, last_known, log_returns
from assets.features.trailing import moved_later
from assets.wide import Grid, grid_of, spread
from expectations.decisions import decided_at

Floats = NDArray[np.float64]

STYLES = {
    "size": "log of float shares times the last close",
    "beta": "slope of log returns on the market's, 120 sessions, at least 60 traded",
    "volatility": "standard deviation of log returns, 60 sessions, at least 30 traded",
    "reversal": "what was lost in the last 20 sessions, as a log return with its sign turned",
}
BETA_WINDOW, VOLATILITY_WINDOW, REVERSAL_WINDOW = 120, 60, 20
LOOK_BACK = BETA_WINDOW + STALE_AFTER


def known_bars(bars: pl.DataFrame, hour: int) -> pl.DataFrame:
    """The bars that were known at the decision of their own session, which is at a full hour of exchange time."""
    return bars.filter(pl.col("available_at") <= decided_at(pl.col("session"), hour))


def styles(bars: pl.DataFrame, float_shares: pl.DataFrame, grid: Grid, hour: int) -> dict[str, Floats]:
    """Each style of each cell of the grid, [S, T], by its name; NaN where it is not known.

    bars          rows of `expectations.tables.Bars`; the market is the plain mean of all that traded
    float_shares  rows of `expectations.fact_tables.FloatShares`
    grid          sessions and securities that are asked for; each session must be one of the bars
    hour          hour of the decision, exchange time
    """
    calendar = bars["session"].unique().sort()
    first = max(int(calendar.search_sorted(grid.sessions[0])) - LOOK_BACK, 0)
    inside = pl.col("session").is_between(calendar[first], grid.sessions[-1])
    traded = known_bars(bars.filter(inside & ~pl.col("is_suspended")), hour)
    every = grid_of(traded, calendar.filter(calendar.is_between(calendar[first], grid.sessions[-1])))
    wide = spread(traded, every, ("close", "adj_factor"))
    known_ST = last_known(np.log(wide["close"] * wide["adj_factor"]), STALE_AFTER)
    returns_ST = log_returns(np.log(wide["close"] * wide["adj_factor"]))
    volatility = moments(returns_ST, np.zeros(returns_ST.shape[1]), VOLATILITY_WINDOW, VOLATILITY_WINDOW // 2)
    found = {
        "beta": moments(returns_ST, market_mean(returns_ST), BETA_WINDOW, BETA_WINDOW // 2).slope(),
        "volatility": volatility.deviation(),
        "reversal": moved_later(known_ST, REVERSAL_WINDOW) - known_ST,
    }
    close_ST = _cells(last_known(wide["close"], STALE_AFTER), every, grid)
    size = np.log(close_ST * _shares(float_shares, grid, hour))
    return {"size": size, **{name: _cells(cells_ST, every, grid) for name, cells_ST in found.items()}}


def _cells(values_ST: Floats, every: Grid, grid: Grid) -> Floats:
    """The part of a larger grid that is asked for; NaN for a security that it lacks."""
    places = {security: place for place, security in enumerate(every.securities)}
    rows = np.array([places.get(security, -1) for security in grid.securities], dtype=np.intp)
    columns = np.searchsorted(
        np.array(every.sessions, dtype="datetime64[D]"), np.array(grid.sessions, dtype="datetime64[D]")
    )
    found_ST: Floats = values_ST[np.maximum(rows, 0)][:, columns]
    found_ST[rows < 0] = np.nan
    return found_ST


def _shares(float_shares: pl.DataFrame, grid: Grid, hour: int) -> Floats:
    """Float shares of every cell as known at its decision."""
    sessions = pl.DataFrame({"session": pl.Series(grid.sessions, dtype=pl.Date)})
    asked = sessions.with_columns(decided_at=decided_at(pl.col("session"), hour)).join(
        pl.DataFrame({"security_id": pl.Series(grid.securities, dtype=pl.String)}), how="cross"
    )
    facts = float_shares.lazy().select("security_id", "available_at", "float_shares")
    found = as_of_join(asked.lazy(), facts, ("security_id",)).select("float_shares").collect()
    shares_TS = found["float_shares"].cast(pl.Float64).fill_null(np.nan).to_numpy().reshape(grid.shape[::-1])
    return shares_TS.T
