"""Deflation: how high the best of many tried Sharpe ratios is by luck alone, and what is left above it.

Among N independent trials without skill the best ratio is, on average, sqrt(V) times the expected maximum of N normal
draws; the deflated Sharpe ratio is the probabilistic one against that (Bailey, Lopez de Prado 2014, Journal of
Portfolio Management 40). Trials that failed or were thrown away count: they were looks at the same market.
"""
# T sessions, N trials

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from assets.evaluation.sharpe import Track, probabilistic_sharpe

Floats = NDArray[np.float64]

CLOSE = 0.5  # mean correlation from which trials are one and the same idea


def expected_maximum(trials: float, variance: float = 1.0) -> float:
    """E[max] of `trials` independent normal draws of mean 0; 0 for a single one. Fractions of a trial are allowed.

    raises  ValueError for fewer than one trial or a negative variance
    """
    if not trials >= 1 or not variance >= 0:
        raise ValueError(f"trials were {trials} and their variance {variance}; give at least 1 and at least 0")
    if trials == 1:
        return 0.0
    quantiles = ndtri([1 - 1 / trials, 1 - 1 / (trials * math.e)])
    # Just above one trial the approximation would fall below 0.
    return math.sqrt(variance) * max(0.0, float((1 - np.euler_gamma) * quantiles[0] + np.euler_gamma * quantiles[1]))


def deflated_sharpe(track: Track, trials: float, variance: float) -> float:
    """DSR: probability of a lower ratio than the one seen, were it the best of `trials` without skill.

    variance  of the Sharpe ratios of the trials, per observation
    """
    return probabilistic_sharpe(track, expected_maximum(trials, variance))


def least_backtest(trials: float, annual: float) -> float:
    """MinBTL: years below which the best of `trials` without skill is expected to show a ratio of `annual`.

    raises  ValueError for a ratio that is not above 0
    """
    if not annual > 0:
        raise ValueError(f"the annual Sharpe ratio was {annual}; give one above 0")
    return (expected_maximum(trials) / annual) ** 2


def sharpes(x_TN: Floats) -> Floats:
    """Sharpe ratio of each trial per observation, [N]; NaN for returns that never change."""
    moves_N = np.ptp(x_TN, axis=0) > 0
    deviation_N = np.where(moves_N, x_TN.std(axis=0, ddof=1), np.nan)
    found_N: Floats = x_TN.mean(axis=0) / deviation_N
    return found_N


def mean_correlation(x_TN: Floats) -> float:
    """Mean correlation of two different trials; trials that never change are left out, NaN below two."""
    scaled_TN = _scaled(x_TN)
    sessions, trials = scaled_TN.shape
    if trials < 2:
        return math.nan
    together_T = scaled_TN.sum(axis=1)
    return float((together_T @ together_T / sessions - trials) / (trials * (trials - 1)))


def trial_variance(x_TN: Floats) -> float:
    """Variance of the Sharpe ratios of the trials per observation, for E[max].

    At least (1 - rho) / (T - 1), rho their mean correlation: what noise alone makes of trials so alike. Of a few trials
    the variance that is found may by chance be far below.
    raises  ValueError for fewer than two trials whose returns change
    """
    found_N = sharpes(x_TN)
    known_N = found_N[np.isfinite(found_N)]
    if len(known_N) < 2:
        raise ValueError(f"the spread of {len(known_N)} Sharpe ratios cannot be told; give at least 2 that change")
    of_noise = (1 - max(mean_correlation(x_TN), 0.0)) / (len(x_TN) - 1)
    return max(float(known_N.var(ddof=1)), of_noise)


def effective_trials(trials: int, correlation: float) -> float:
    """N_eff = N (1 - rho) + rho: as many independent trials as these are worth; a negative correlation counts as 0."""
    rho = min(max(correlation, 0.0), 1.0)
    return trials * (1 - rho) + rho


def clusters(x_TN: Floats, close: float = CLOSE) -> int:
    """Groups of trials whose mean correlation is above `close`, by average linkage; who never changes is left out."""
    scaled_TN = _scaled(x_TN)
    if scaled_TN.shape[1] < 2:
        return len(scaled_TN.T)
    apart = np.clip(1 - np.corrcoef(scaled_TN, rowvar=False), 0, 2)
    np.fill_diagonal(apart, 0)
    # Imported late: every load of the code location would wait for it.
    from scipy.cluster import hierarchy
    from scipy.spatial import distance

    tree = hierarchy.linkage(distance.squareform(apart, checks=False), method="average")
    return int(hierarchy.fcluster(tree, 1 - close, criterion="distance").max())


def _scaled(x_TN: Floats) -> Floats:
    moving_TN = x_TN[:, np.ptp(x_TN, axis=0) > 0]
    scaled_TN: Floats = (moving_TN - moving_TN.mean(axis=0)) / moving_TN.std(axis=0)
    return scaled_TN
