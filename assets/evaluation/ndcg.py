"""NDCG: how much of what the best order of the names would hold in its first places the forecast's order holds.

Normalised discounted cumulative gain (Jarvelin, Kekalainen 2002, ACM TOIS 20): place i counts gain / log2(i + 1).
"""
# N names

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Gain = Literal["exponential", "linear"]

GRADES = 5


def ndcg(forecast_N: Floats, grade_N: Floats, k: int, gain: Gain = "exponential") -> float:
    """NDCG at k of one session, 0 .. 1; NaN where no name has a grade above 0.

    grade_N  how good each name turned out, at least 0: see `grades`
    k        places that count; more than there are names counts all of them
    gain     'exponential' is 2^grade - 1, 'linear' the grade itself
    Names of equal forecast share the mean gain of their places.
    raises   ValueError for k below 1, shapes that differ, and negative grades, for which the share has no meaning
    """
    if k < 1 or forecast_N.shape != grade_N.shape:
        raise ValueError(
            f"k was {k} for {len(forecast_N)} forecasts and {len(grade_N)} grades; give 1 or more, in pairs"
        )
    if not (np.isfinite(forecast_N).all() and (grade_N >= 0).all()):
        raise ValueError("a forecast is not finite, or a grade is not at least 0; turn returns into grades first")
    gain_N = 2.0**grade_N - 1 if gain == "exponential" else np.asarray(grade_N, dtype=np.float64)
    best = _discounted(np.sort(gain_N)[::-1], k)
    return _discounted(_shared(forecast_N, gain_N), k) / best if best > 0 else math.nan


def grades(returns_N: Floats, count: int = GRADES) -> Floats:
    """Grade of each name of a session: 0 for the lowest of `count` parts by return, count - 1 for the highest."""
    rank_N = stats.rankdata(returns_N) - 0.5
    found_N: Floats = np.floor(rank_N * count / len(returns_N))
    return found_N


def _discounted(gain_N: Floats, k: int) -> float:
    first = gain_N[:k]
    return float((first / np.log2(np.arange(2, len(first) + 2))).sum())


def _shared(forecast_N: Floats, gain_N: Floats) -> Floats:
    """Gains in the order of the forecast, highest first; equal forecasts share their mean."""
    _, group_N = np.unique(-forecast_N, return_inverse=True)
    mean_G = np.bincount(group_N, weights=gain_N) / np.bincount(group_N)
    shared_N: Floats = mean_G[np.sort(group_N)]
    return shared_N
