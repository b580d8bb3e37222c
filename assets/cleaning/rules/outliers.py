"""Outliers: returns and volumes far from what was usual for the name, measured robustly on its own recent past."""
# S securities, T sessions

from __future__ import annotations

import numpy as np

from assets.cleaning.rules.market import Market
from assets.cleaning.rules.rule import Found, Mark
from assets.cleaning.rules.windows import DEVIATION_OF_MEDIAN, earlier, log_return, median, robust_distance

WINDOW, AT_LEAST = 60, 30
FAR_RETURN, FAR_VOLUME = 10.0, 5.0


def price_outlier(market: Market) -> Found:
    """Daily log returns of more than 10 robust standard deviations, told by the 60 sessions before.

    A robust standard deviation is 1.4826 times the median of their sizes: what is usual for a day is no return.
    """
    return_ST = log_return(market.returns)
    spread_ST = DEVIATION_OF_MEDIAN * earlier(median(np.abs(return_ST), WINDOW, AT_LEAST), 1)
    distance_ST = return_ST / np.where(spread_ST > 0, spread_ST, np.nan)
    return Found(np.abs(distance_ST) > FAR_RETURN, "return {} robust standard deviations from the usual", distance_ST)


def volume_outlier(market: Market) -> Found:
    """Log volumes more than 5 robust standard deviations from their median of the 60 sessions before."""
    shares_ST = market.shares
    distance_ST = robust_distance(np.log(np.where(shares_ST > 0, shares_ST, np.nan)), WINDOW, AT_LEAST)
    return Found(np.abs(distance_ST) > FAR_VOLUME, "volume {} robust standard deviations from the usual", distance_ST)


PRICE_OUTLIER = Mark("price_outlier", "flagged", price_outlier, WINDOW + 1, "2026-11-22")
VOLUME_OUTLIER = Mark("volume_outlier", "flagged", volume_outlier, 2 * WINDOW + 1, "2026-11-22")
