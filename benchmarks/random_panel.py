"""Random panel: bars of a made-up exchange as wide arrays, quickly drawn; it looks like a market and hides no truth.

Prices are in cents and adjusted by a factor that grows with dividends, volumes are whole shares, some sessions are
locked at one price, and some are missing. The same seed gives the same panel.
"""
# S securities, T sessions

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

Wide = NDArray[np.float64]

FIRST = date(2010, 1, 4)
PRICES = ("open", "high", "low", "close", "vwap")
LIMIT = 0.1
LOCKED_SHARE = 0.005
DIVIDENDS_A_YEAR = 1.0
SESSIONS_A_YEAR = 244
DEGREES = 4


@dataclass(frozen=True)
class RandomPanel:
    """Bars as traded, [S, T]: prices in yuan, `volume` in shares; NaN in a missing session, but never in `factor`."""

    sessions: tuple[date, ...]
    securities: tuple[str, ...]
    traded: dict[str, Wide]
    factor: Wide

    @property
    def adjusted(self) -> dict[str, Wide]:
        """Prices times the factor and volume over it, rounded to float32 and held as float64."""
        by = {name: self.factor for name in PRICES} | {"volume": 1 / self.factor}
        return {name: as_float32(self.traded[name] * by[name]) for name in (*PRICES, "volume")}


def as_float32(values: Wide) -> Wide:
    """The nearest float32 numbers, as float64."""
    return values.astype(np.float32).astype(np.float64)


def random_panel(securities: int, sessions: int, seed: int, missing: float = 0.01) -> RandomPanel:
    """Draw a panel.

    missing  share of the bars that are left out, by chance and one by one
    """
    rng = np.random.default_rng(seed)
    shape = (securities, sessions)
    calm_S = rng.uniform(0.012, 0.03, (securities, 1))
    common_T = rng.standard_t(DEGREES, sessions) * 0.007
    own_ST = rng.standard_t(DEGREES, shape) * calm_S / np.sqrt(2)
    move_ST = np.clip(own_ST + common_T, -LIMIT, LIMIT)
    # A pull back to the opening price keeps all prices between pennies and hundreds over many years.
    level_ST = np.log(rng.uniform(5, 60, (securities, 1))) + _pulled_back(move_ST, 0.002)
    close_ST = _cents(np.exp(level_ST))
    open_ST = _cents(np.exp(level_ST - move_ST * rng.random(shape)))
    above_ST, below_ST = (np.abs(rng.normal(0, 0.5, shape)) * calm_S for _ in range(2))
    high_ST = np.maximum(_cents(np.maximum(open_ST, close_ST) * (1 + above_ST)), np.maximum(open_ST, close_ST))
    low_ST = np.minimum(_cents(np.minimum(open_ST, close_ST) * (1 - below_ST)), np.minimum(open_ST, close_ST))
    locked_ST = rng.random(shape) < LOCKED_SHARE
    open_ST, high_ST, low_ST = (np.where(locked_ST, close_ST, one) for one in (open_ST, high_ST, low_ST))
    busy_ST = rng.normal(14, 1, (securities, 1)) + rng.normal(0, 0.5, shape) + 10 * np.abs(move_ST)
    bars = {
        "open": open_ST,
        "high": high_ST,
        "low": low_ST,
        "close": close_ST,
        "vwap": low_ST + (high_ST - low_ST) * rng.beta(5, 5, shape),
        "volume": np.round(np.exp(busy_ST)) + 100,
    }
    gone_ST = rng.random(shape) < missing
    return RandomPanel(
        sessions=weekdays(sessions),
        securities=tuple(f"sz{number:06d}" for number in range(1, securities + 1)),
        traded={name: np.where(gone_ST, np.nan, one) for name, one in bars.items()},
        factor=_factors(shape, rng),
    )


def weekdays(sessions: int, first: date = FIRST) -> tuple[date, ...]:
    """The first weekdays from a date on."""
    days = pl.date_range(first, pl.lit(first).dt.offset_by(f"{sessions * 2 + 7}d"), eager=True)
    return tuple(days.filter(days.dt.weekday() <= 5)[:sessions].to_list())


def _pulled_back(move_ST: Wide, pull: float) -> Wide:
    """Running sum of moves, session by session, that forgets a share `pull` of itself."""
    level_ST = np.empty_like(move_ST)
    level_S = np.zeros(move_ST.shape[0])
    for t in range(move_ST.shape[1]):
        level_S = level_S * (1 - pull) + move_ST[:, t]
        level_ST[:, t] = level_S
    return level_ST


def _cents(price_ST: Wide) -> Wide:
    return np.asarray(np.maximum(np.round(price_ST, 2), 0.01))


def _factors(shape: tuple[int, int], rng: np.random.Generator) -> Wide:
    """Adjustment factors that begin at 1 and grow by some percent where a dividend is paid."""
    paid_ST = rng.random(shape) < DIVIDENDS_A_YEAR / SESSIONS_A_YEAR
    grown_ST = np.where(paid_ST, rng.uniform(0.01, 0.05, shape), 0.0)
    return np.asarray(np.exp(np.cumsum(grown_ST, axis=1)))
