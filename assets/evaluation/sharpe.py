"""Sharpe: mean over standard deviation of a daily excess return, and how sure one can be of it.

Every ratio is per session unless its name says annual. Skewed and fat-tailed returns make the ratio less certain than
normal ones do (Mertens 2002); the probabilistic Sharpe ratio takes both into account (Bailey, Lopez de Prado 2012,
Journal of Risk 15). Daily returns in excess of an equal-weight universe follow each other a little: a record whose
sessions do so tells as much as a shorter one of independent sessions.
"""
# T sessions

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

Floats = NDArray[np.float64]

FEWEST = 3
ROUNDING = 1e-9


@dataclass(frozen=True)
class Track:
    """A track record: its Sharpe ratio per observation, its shape and its length.

    sharpe           mean / standard deviation (ddof 1); NaN for returns that never change
    skewness         third standardised moment, 0 for a normal law
    kurtosis         fourth standardised moment, 3 for a normal law
    sessions         observations
    autocorrelation  of neighbouring observations, AR(1); what is found below 0 is taken as 0
    raises           ValueError for a kurtosis below 1 + skewness^2, which no law has, for fewer than 3 observations,
                     and for an autocorrelation outside 0 .. 1
    """

    sharpe: float
    skewness: float
    kurtosis: float
    sessions: int
    autocorrelation: float = 0.0

    def __post_init__(self) -> None:
        if self.kurtosis < (1 + self.skewness**2) * (1 - ROUNDING):
            raise ValueError(
                f"kurtosis was {self.kurtosis:g} at a skewness of {self.skewness:g}; no law has less than "
                f"{1 + self.skewness**2:g}. Give the fourth moment itself, 3 for a normal law, not its excess over 3"
            )
        if self.sessions < FEWEST:
            raise ValueError(f"a track record needs at least {FEWEST} observations, was {self.sessions}")
        if not 0 <= self.autocorrelation < 1:
            raise ValueError(f"autocorrelation was {self.autocorrelation}; give one from 0 to below 1")

    @classmethod
    def of(cls, returns_T: Floats) -> Track:
        """The track record of daily excess returns, [T]; raises ValueError where one of them is not finite."""
        if not np.isfinite(returns_T).all():
            raise ValueError(f"{int((~np.isfinite(returns_T)).sum())} returns are not finite; leave their sessions out")
        if len(returns_T) < FEWEST or np.ptp(returns_T) == 0:
            return cls(math.nan, math.nan, math.nan, len(returns_T))
        centred_T = returns_T - returns_T.mean()
        scaled_T = centred_T / centred_T.std()
        sharpe = float(returns_T.mean() / returns_T.std(ddof=1))
        follows = max(first_autocorrelation(returns_T), 0.0)
        return cls(sharpe, float((scaled_T**3).mean()), float((scaled_T**4).mean()), len(returns_T), follows)

    @property
    def error(self) -> float:
        """Standard error of the Sharpe ratio per observation."""
        return math.sqrt(self._spread() / (self.sessions - 1))

    def _spread(self) -> float:
        """Variance of one observation's part in the ratio; at least 0, since kurtosis >= 1 + skewness^2."""
        found = 1 - self.skewness * self.sharpe + (self.kurtosis - 1) / 4 * self.sharpe**2
        longer = (1 + self.autocorrelation) / (1 - self.autocorrelation)
        return math.nan if math.isnan(found) else max(found, 0.0) * longer


def probabilistic_sharpe(track: Track, benchmark: float = 0.0) -> float:
    """PSR: probability of a lower ratio than the one seen, were the true one `benchmark` per observation."""
    above, error = track.sharpe - benchmark, track.error
    if error == 0:
        return float(np.heaviside(above, 0.5))
    return float(ndtr(above / error))


def least_track_record(track: Track, benchmark: float = 0.0, level: float = 0.95) -> float:
    """MinTRL: observations from which the PSR of such a ratio reaches `level`; infinite where it is not above.

    Uses ratio and shape of the track, not its length.
    """
    if math.isnan(track.sharpe):
        return math.nan
    if track.sharpe <= benchmark:
        return math.inf
    return 1 + track._spread() * float(ndtri(level) / (track.sharpe - benchmark)) ** 2


@dataclass(frozen=True)
class Haircut:
    """What is left of an annual Sharpe ratio after many tries (Harvey, Liu 2015, Journal of Portfolio Management 42).

    autocorrelated  annual ratio after the correction for autocorrelation
    t               its t statistic
    p               two-sided, Student's with sessions - 1 degrees of freedom
    p_adjusted      min(1, trials p), Bonferroni
    sharpe          annual ratio that would have that p in one try
    """

    autocorrelated: float
    t: float
    p: float
    p_adjusted: float
    sharpe: float

    @property
    def share(self) -> float:
        """Share of the corrected ratio that is cut off."""
        return 1 - self.sharpe / self.autocorrelated


def haircut(annual: float, observations: int, per_year: int, trials: float, autocorrelation: float = 0.0) -> Haircut:
    """Haircut of an annual Sharpe ratio, the best of `trials`; a ratio that is not above 0 is left as it is.

    annual           sharpe * sqrt(per_year), as if observations were independent
    autocorrelation  of neighbouring observations
    """
    corrected = annual * autocorrelation_factor(autocorrelation, per_year)
    t = corrected * math.sqrt(observations / per_year)
    p = float(2 * stdtr(observations - 1, -abs(t)))
    adjusted = min(1.0, trials * p)
    if not corrected > 0:
        return Haircut(corrected, t, p, adjusted, corrected)
    left = -float(stdtrit(observations - 1, adjusted / 2)) * math.sqrt(per_year / observations)
    return Haircut(corrected, t, p, adjusted, left)


def autocorrelation_factor(autocorrelation: float, per_year: int) -> float:
    """By what an annual ratio shrinks where an observation follows the last one (AR(1); Lo 2002, FAJ 58).

    raises  ValueError for an autocorrelation that is not inside -1 .. 1
    """
    r, q = autocorrelation, per_year
    if not -1 < r < 1:
        raise ValueError(f"autocorrelation was {r}; it lies inside -1 .. 1")
    return float((1 + 2 * r / (1 - r) * (1 - (1 - r**q) / (q * (1 - r)))) ** -0.5)


def first_autocorrelation(returns_T: Floats) -> float:
    """Autocorrelation of neighbouring observations; 0 for returns that never change."""
    centred_T = returns_T - returns_T.mean()
    energy = float(centred_T @ centred_T)
    return float(centred_T[1:] @ centred_T[:-1]) / energy if energy > 0 else 0.0
