"""Price window: the shape of each session's bar, relative to its close, from which a model sees a window of prices."""
# S securities, T sessions

from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.table import table
from assets.wide import gather, grid_of, spread
from expectations.tables import Bars, Calendar, Keyed

STALE_AFTER = 60


def log_ratio(definition: str) -> dy.Float64:
    """A column that holds the natural logarithm of a ratio of prices."""
    return dy.Float64(nullable=True, metadata={"definition": definition, "unit": "log ratio"})


class PriceWindow(Keyed):
    """Four ratios to the session's own close, and the log return that ties one session's close to the next."""

    asset_key: ClassVar[str] = "features/price_window"
    is_sequence: ClassVar[bool] = True

    open_to_close = log_ratio("open over close of the same session")
    high_to_close = log_ratio("high over close of the same session")
    low_to_close = log_ratio("low over close of the same session")
    vwap_to_close = log_ratio("VWAP over close of the same session")
    log_return = log_ratio("adjusted close over the last adjusted close within the 60 sessions before")


@table(look_back={"bars": STALE_AFTER, "calendar": STALE_AFTER})
def price_window(bars: dy.LazyFrame[Bars], calendar: dy.LazyFrame[Calendar]) -> dy.LazyFrame[PriceWindow]:
    """One row per traded bar: open, high, low and VWAP over the session's close, and the log return of the close.

    The log return spans a suspension of up to 60 sessions and is null beyond, as it is on the first session. Any price
    of an earlier session relative to the last close of a window is the exact sum of its ratio and of the log returns
    since, so nothing is stored per window. All columns are free of the level of prices and of the adjustment factor.
    """
    traded = bars.filter(~pl.col("is_suspended")).collect()
    grid = grid_of(traded, calendar.select("session").collect()["session"])
    wide = spread(traded, grid, ("open", "high", "low", "close", "vwap", "adj_factor"))
    log_close = np.log(wide["close"])
    columns = {f"{name}_to_close": np.log(wide[name]) - log_close for name in ("open", "high", "low", "vwap")}
    columns["log_return"] = log_returns(np.log(wide["close"] * wide["adj_factor"]))
    return PriceWindow.cast(gather(grid, columns, np.isfinite(log_close)).lazy())


def log_returns(log_close_ST: NDArray[np.float64]) -> NDArray[np.float64]:
    """Change since the last traded session, [S, T]; NaN where not traded, or where that lies over 60 sessions back."""
    before_ST = np.full_like(log_close_ST, np.nan)
    before_ST[:, 1:] = last_known(log_close_ST, STALE_AFTER)[:, :-1]
    return log_close_ST - before_ST


def last_known(values_ST: NDArray[np.float64], sessions: int) -> NDArray[np.float64]:
    """The last value that is not NaN among each session and the `sessions` - 1 before it, [S, T]; NaN if none."""
    here_T = np.arange(values_ST.shape[1])
    last_ST = np.maximum.accumulate(np.where(np.isnan(values_ST), -1, here_T), axis=1)
    known_ST = np.take_along_axis(values_ST, np.maximum(last_ST, 0), axis=1)
    return np.where((last_ST >= 0) & (here_T - last_ST < sessions), known_ST, np.nan)
