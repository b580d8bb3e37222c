"""Price and volume: trend, risk, liquidity and place of the price over the last one to sixty sessions."""
# S securities, T sessions

from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.features.price_window import STALE_AFTER, last_known, log_ratio, log_returns
from assets.features.trailing import all_but_last, moved_later, trailing_count, trailing_sum
from assets.table import table
from assets.wide import gather, grid_of, spread
from expectations.tables import Bars, Calendar, Keyed

Wide = NDArray[np.float64]
LOOK_BACK = 60 + STALE_AFTER
YUAN_PER_UNIT = 1e8


class PriceVolume(Keyed):
    """Fourteen figures of a security after a session; windows count sessions, suspended ones are holes in them."""

    asset_key: ClassVar[str] = "features/price_volume"
    is_sequence: ClassVar[bool] = False

    return_1d = log_ratio("adjusted close over the last one known a session before")
    return_5d = log_ratio("adjusted close over the last one known 5 sessions before")
    return_20d = log_ratio("adjusted close over the last one known 20 sessions before")
    return_60d = log_ratio("adjusted close over the last one known 60 sessions before")
    volatility_20d = log_ratio("standard deviation of the log returns of the last 20 sessions, at least 10 traded")
    volatility_60d = log_ratio("standard deviation of the log returns of the last 60 sessions, at least 30 traded")
    volume_ratio_1d_20d = log_ratio("volume over its mean in the 20 sessions before, at least 10 traded")
    volume_ratio_5d_60d = log_ratio(
        "mean volume of the last 5 sessions over that of the last 60, at least 3 and 30 traded"
    )
    amihud_20d = dy.Float64(
        nullable=True,
        metadata={
            "definition": "log of the mean of |log return| / amount over the last 20 sessions, at least 10 traded",
            "unit": "log of (log ratio per 100 million yuan)",
        },
    )
    range_5d = log_ratio("mean of high over low in the last 5 sessions, at least 3 traded")
    price_position_60d = dy.Float64(
        nullable=True,
        metadata={
            "definition": "place of the close between the lowest low and the highest high of the last 60 sessions",
            "unit": "fraction, 0 to 1",
        },
    )
    close_to_vwap_1d = log_ratio("close over VWAP of the same session")
    gap_1d = log_ratio("adjusted open over the last adjusted close before the session")
    max_return_20d = log_ratio("highest log return of the last 20 sessions, at least 10 traded")


@table(look_back={"bars": LOOK_BACK, "calendar": LOOK_BACK})
def price_volume(bars: dy.LazyFrame[Bars], calendar: dy.LazyFrame[Calendar]) -> dy.LazyFrame[PriceVolume]:
    """One row per traded bar: fourteen trailing figures that use the session's own bar and earlier ones.

    Prices are adjusted, volume is divided by the adjustment factor, so that a split is neither a return nor a burst of
    trading. A return spans a suspension of up to 60 sessions. Every window is summed by itself and in one order
    of its sessions, so that a value is the same to the bit however many earlier sessions are given.
    """
    traded = bars.filter(~pl.col("is_suspended")).collect()
    grid = grid_of(traded, calendar.select("session").collect()["session"])
    wide = spread(traded, grid, ("open", "high", "low", "close", "vwap", "volume", "amount", "adj_factor"))
    columns = {**_returns(wide), **_activity(wide), **_range(wide)}
    return PriceVolume.cast(gather(grid, columns, np.isfinite(wide["close"])).lazy())


def _returns(wide: dict[str, Wide]) -> dict[str, Wide]:
    log_close_ST = np.log(wide["close"] * wide["adj_factor"])
    known_ST = last_known(log_close_ST, STALE_AFTER)
    daily_ST = log_returns(log_close_ST)
    return {
        **{f"return_{h}d": log_close_ST - moved_later(known_ST, h) for h in (1, 5, 20, 60)},
        "volatility_20d": _deviation(daily_ST, 20, 10),
        "volatility_60d": _deviation(daily_ST, 60, 30),
        "close_to_vwap_1d": np.log(wide["close"]) - np.log(wide["vwap"]),
        "gap_1d": np.log(wide["open"] * wide["adj_factor"]) - moved_later(known_ST, 1),
        "max_return_20d": _highest(daily_ST, 20, 10),
    }


def _activity(wide: dict[str, Wide]) -> dict[str, Wide]:
    volume_ST = wide["volume"] / wide["adj_factor"]
    daily_ST = np.abs(log_returns(np.log(wide["close"] * wide["adj_factor"])))
    illiquidity_ST = _mean(daily_ST / (wide["amount"] / YUAN_PER_UNIT), 20, 10)
    return {
        "volume_ratio_1d_20d": np.log(volume_ST) - np.log(moved_later(_mean(volume_ST, 20, 10), 1)),
        "volume_ratio_5d_60d": np.log(_mean(volume_ST, 5, 3)) - np.log(_mean(volume_ST, 60, 30)),
        "amihud_20d": np.log(np.where(illiquidity_ST > 0, illiquidity_ST, np.nan)),
    }


def _range(wide: dict[str, Wide]) -> dict[str, Wide]:
    lowest_ST = -_highest(-wide["low"] * wide["adj_factor"], 60, 30)
    height_ST = _highest(wide["high"] * wide["adj_factor"], 60, 30) - lowest_ST
    above_ST = wide["close"] * wide["adj_factor"] - lowest_ST
    return {
        "range_5d": _mean(np.log(wide["high"]) - np.log(wide["low"]), 5, 3),
        "price_position_60d": above_ST / np.where(height_ST > 0, height_ST, np.nan),
    }


def _mean(values_ST: Wide, window: int, at_least: int) -> Wide:
    """Mean over the `window` sessions up to each, [S, T]; NaN where fewer than `at_least` of them hold a value."""
    total_ST, count_ST = trailing_sum(values_ST, window), trailing_count(values_ST, window)
    return total_ST / np.where(count_ST >= at_least, count_ST, np.nan)


def _deviation(values_ST: Wide, window: int, at_least: int) -> Wide:
    """Sample standard deviation over the `window` sessions up to each, [S, T], in two passes."""
    count_ST = trailing_count(values_ST, window)
    mean_ST = _mean(values_ST, window, at_least)
    squares_ST = np.zeros_like(values_ST)
    for lag in range(window - 1, -1, -1):
        gap_ST = all_but_last(values_ST, lag) - mean_ST[:, lag:]
        squares_ST[:, lag:] += np.where(np.isnan(gap_ST), 0.0, gap_ST * gap_ST)
    return np.sqrt(squares_ST / np.where(count_ST >= at_least, count_ST - 1, np.nan))


def _highest(values_ST: Wide, window: int, at_least: int) -> Wide:
    highest_ST = values_ST.copy()
    for lag in range(1, window):
        np.fmax(highest_ST[:, lag:], all_but_last(values_ST, lag), out=highest_ST[:, lag:])
    return np.where(trailing_count(values_ST, window) >= at_least, highest_ST, np.nan)
