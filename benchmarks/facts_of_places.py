"""Facts of places: where open, VWAP and close lie between the low (0) and the high (1) of their session.

Measured on counted rows (see `market_sample`) whose high lies above their low. A standard deviation says how far a
place scatters and not in what shape: two peaks and one bell can share it. Quantiles, given as distances from the middle
(0.5), and shares of the range tell them apart.
"""
# T sessions, S securities

from __future__ import annotations

import numpy as np

from benchmarks.market_sample import HALF_A_CENT, Sample
from benchmarks.moments import Floats, correlation, middle, quantile, share, spread

CENTRE = 0.5


def vwap_place(market: Sample) -> float:
    """Standard deviation of the place of the VWAP between low (0) and high (1)."""
    return spread(_place(market, "vwap"))


def vwap_place_5(market: Sample) -> float:
    """How far below the middle of the range the 5% quantile of the place of the VWAP lies."""
    return CENTRE - quantile(_place(market, "vwap"), 0.05)


def vwap_place_25(market: Sample) -> float:
    """How far below the middle of the range the 25% quantile of the place of the VWAP lies."""
    return CENTRE - quantile(_place(market, "vwap"), 0.25)


def vwap_place_75(market: Sample) -> float:
    """How far above the middle of the range the 75% quantile of the place of the VWAP lies."""
    return quantile(_place(market, "vwap"), 0.75) - CENTRE


def vwap_place_95(market: Sample) -> float:
    """How far above the middle of the range the 95% quantile of the place of the VWAP lies."""
    return quantile(_place(market, "vwap"), 0.95) - CENTRE


def vwap_in_middle_tenth(market: Sample) -> float:
    """Share of sessions whose VWAP lies in the middle tenth of the range."""
    return _within(market, "vwap", 1 / 10)


def vwap_in_middle_third(market: Sample) -> float:
    """Share of sessions whose VWAP lies in the middle third of the range."""
    return _within(market, "vwap", 1 / 3)


def vwap_place_and_return(market: Sample) -> float:
    """Correlation of the place of the VWAP between low and high with the session's return."""
    return middle(correlation(_place(market, "vwap"), market.returns))


def open_place(market: Sample) -> float:
    """Standard deviation of the place of the open between low (0) and high (1)."""
    return spread(_place(market, "open"))


def open_place_half(market: Sample) -> float:
    """Width of the part of the range that holds the middle half of the places of the open."""
    return _half(market, "open")


def open_at_end(market: Sample) -> float:
    """Share of sessions whose open is their low or their high."""
    return _at_end(market, "open")


def close_place(market: Sample) -> float:
    """Standard deviation of the place of the close between low (0) and high (1)."""
    return spread(_place(market, "close"))


def close_place_half(market: Sample) -> float:
    """Width of the part of the range that holds the middle half of the places of the close."""
    return _half(market, "close")


def close_at_end(market: Sample) -> float:
    """Share of sessions whose close is their low or their high."""
    return _at_end(market, "close")


def _place(market: Sample, price: str) -> Floats:
    """Place of a price between low (0) and high (1); NaN where they are equal."""
    low, high = market.prices["low"], market.prices["high"]
    wide = np.where(high - low > HALF_A_CENT, high - low, np.nan)
    return np.asarray((market.prices[price] - low) / wide)


def _within(market: Sample, price: str, width: float) -> float:
    """Share of sessions whose price lies in a part of the range, that wide, around its middle."""
    place = _place(market, price)
    return share(np.abs(place - CENTRE) < width / 2, ~np.isnan(place))


def _half(market: Sample, price: str) -> float:
    place = _place(market, price)
    return quantile(place, 0.75) - quantile(place, 0.25)


def _at_end(market: Sample, price: str) -> float:
    place, cells = _place(market, price), market.prices
    is_low = cells[price] < cells["low"] + HALF_A_CENT
    is_high = cells[price] > cells["high"] - HALF_A_CENT
    return share(is_low | is_high, ~np.isnan(place))


FACTS = (
    vwap_place,
    vwap_place_5,
    vwap_place_25,
    vwap_place_75,
    vwap_place_95,
    vwap_in_middle_tenth,
    vwap_in_middle_third,
    vwap_place_and_return,
    open_place,
    open_place_half,
    open_at_end,
    close_place,
    close_place_half,
    close_at_end,
)
