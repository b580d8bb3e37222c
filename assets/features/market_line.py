"""Market line: the line of a security's log returns on the market's over trailing windows, and what it leaves."""
# S securities, T sessions

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.features.trailing import moved_later, trailing_count, trailing_sum

Wide = NDArray[np.float64]
FLAT = 1e-12
"""Share of a sum of squares below which what is left of it is rounding."""


@dataclass(frozen=True)
class Moments:
    """Sums over the traded sessions of a window, [S, T]: of own returns, of the market's then, and of their products.

    count  NaN where too few sessions of the window were traded, which makes all that is derived NaN
    """

    count: Wide
    own: Wide
    market: Wide
    own_own: Wide
    own_market: Wide
    market_market: Wide

    def slope(self) -> Wide:
        """Log return per log return of the market; NaN where the market stood still."""
        return self._shared() / _about_mean(self.market_market, self.market, self.count)

    def deviation(self) -> Wide:
        """Sample standard deviation of own returns; NaN where they stood still."""
        return np.sqrt(_about_mean(self.own_own, self.own, self.count) / (self.count - 1))

    def correlation(self) -> Wide:
        """Of own returns and the market's; NaN where either stood still."""
        own_ST = _about_mean(self.own_own, self.own, self.count)
        market_ST = _about_mean(self.market_market, self.market, self.count)
        return np.clip(self._shared() / np.sqrt(own_ST * market_ST), -1.0, 1.0)

    def momentum(self, slope_ST: Wide) -> Wide:
        """Sum of own returns less slope times the market's, over their deviation times the root of their number.

        NaN where the line leaves nothing but rounding.
        """
        left_ST = self.own - slope_ST * self.market
        squares_ST = self.own_own - 2 * slope_ST * self.own_market + slope_ST * slope_ST * self.market_market
        about_ST = squares_ST - left_ST * left_ST / self.count
        variance_ST = np.where(about_ST > FLAT * self.own_own, about_ST, np.nan) / (self.count - 1)
        return left_ST / np.sqrt(variance_ST * self.count)

    def _shared(self) -> Wide:
        return self.own_market - self.own * self.market / self.count


def moments(returns_ST: Wide, market_T: Wide, window: int, at_least: int, skipped: int = 0) -> Moments:
    """Moments over the `window` sessions that end `skipped` sessions before each.

    returns_ST  NaN where not traded
    market_T    the market's return
    at_least    sessions of the window that must be traded
    """
    market_ST = np.where(np.isnan(returns_ST), np.nan, market_T)
    count_ST = moved_later(trailing_count(returns_ST, window), skipped)

    def total(cells_ST: Wide) -> Wide:
        return moved_later(trailing_sum(cells_ST, window), skipped)

    return Moments(
        count=np.where(count_ST >= at_least, count_ST, np.nan),
        own=total(returns_ST),
        market=total(market_ST),
        own_own=total(returns_ST * returns_ST),
        own_market=total(returns_ST * market_ST),
        market_market=total(market_ST * market_ST),
    )


def _about_mean(squares_ST: Wide, total_ST: Wide, count_ST: Wide) -> Wide:
    """Sum of squares about the mean, NaN where nothing but rounding is left."""
    about_ST = squares_ST - total_ST * total_ST / count_ST
    return np.where(about_ST > FLAT * squares_ST, about_ST, np.nan)
