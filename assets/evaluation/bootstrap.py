"""Bootstrap: sessions drawn anew in blocks of random length, so that neighbours stay together.

The stationary bootstrap of Politis, Romano (1994, JASA 89): a block begins anywhere, ends after each session with
probability 1 / block, and runs on from the last session to the first. The length of the blocks is chosen as by
Politis, White (2004) with the correction of Patton, Politis, White (2009, Econometric Reviews 28).
"""
# T sessions, N series, R draws

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

DRAWS = 2000
FEWEST = 20


@dataclass(frozen=True)
class Resampled:
    """A mean with its bootstrap interval.

    block  mean length of the drawn blocks, in sessions
    """

    mean: float
    lower: float
    upper: float
    block: float
    sessions: int


def stationary_draws(sessions: int, draws: int, block: float, seed: int) -> Places:
    """Places of the sessions of each draw, [R, T].

    raises  ValueError for a mean block length below 1
    """
    if not block >= 1:
        raise ValueError(f"the mean block length was {block}; it counts sessions, so give 1 or more")
    rng = np.random.default_rng(seed)
    begins_RT = rng.random((draws, sessions)) < 1 / block
    begins_RT[:, 0] = True
    at_T = np.arange(sessions)
    begun_RT = np.maximum.accumulate(np.where(begins_RT, at_T, 0), axis=1)
    first_RT = np.take_along_axis(rng.integers(sessions, size=(draws, sessions)), begun_RT, axis=1)
    places_RT: Places = (first_RT + at_T - begun_RT) % sessions
    return places_RT


def drawn_means(x_TN: Floats, places_RT: Places) -> Floats:
    """Mean of each series in each draw, [R, N]; all series share the drawn sessions, which pairs them."""
    draws, sessions = places_RT.shape
    cells = places_RT + sessions * np.arange(draws)[:, None]
    times_RT = np.bincount(cells.ravel(), minlength=draws * sessions).reshape(draws, sessions)
    means_RN: Floats = times_RT.astype(np.float64) @ x_TN / sessions
    return means_RN


def block_length(x_T: Floats) -> float:
    """Mean block length at which the bootstrap variance of the mean has the least error; 1 to min(3 sqrt(T), T / 3).

    raises  ValueError for fewer than 20 sessions
    """
    sessions = len(x_T)
    if sessions < FEWEST:
        raise ValueError(f"{sessions} sessions are too few to choose a block length, at least {FEWEST} are needed")
    if np.ptp(x_T) == 0:
        return 1.0
    centred_T = x_T - x_T.mean()
    run = max(5, int(math.log10(sessions)))
    furthest = math.ceil(math.sqrt(sessions)) + run
    lag = min(2 * _first_quiet(centred_T, run, furthest), furthest)
    far = np.arange(1, lag + 1)
    window = np.where(far / lag <= 0.5, 1.0, 2 * (1 - far / lag))
    covariance = np.array([_covariance(centred_T, k) for k in range(1, lag + 1)])
    slope = 2 * float((window * far * covariance).sum())
    long_run = _covariance(centred_T, 0) + 2 * float((window * covariance).sum())
    most = math.ceil(min(3 * math.sqrt(sessions), sessions / 3))
    if long_run == 0:
        return float(most)
    return float(min(max((slope / long_run) ** 2 * sessions, 1.0) ** (1 / 3), most))


def shared_block(x_TN: Floats) -> float:
    """Mean of the block lengths of all series: what they share when they are drawn together."""
    return float(np.mean([block_length(x_T) for x_T in x_TN.T]))


def paired(a_T: Floats, b_T: Floats, seed: int = 0, draws: int = DRAWS, level: float = 0.95) -> Resampled:
    """Mean of a less b, session by session, with the interval that the draws of both together give.

    The interval is the basic one: the quantiles of the draws, turned round at the mean.
    raises  ValueError where the two differ in length
    """
    if a_T.shape != b_T.shape:
        raise ValueError(f"{len(a_T)} and {len(b_T)} sessions cannot be paired; give the common ones")
    apart_T = a_T - b_T
    block = block_length(apart_T)
    means_R = drawn_means(apart_T[:, None], stationary_draws(len(apart_T), draws, block, seed))[:, 0]
    mean, tail = float(apart_T.mean()), (1 - level) / 2
    low, high = np.quantile(means_R, [tail, 1 - tail])
    return Resampled(mean, 2 * mean - float(high), 2 * mean - float(low), block, len(apart_T))


def _first_quiet(centred_T: Floats, run: int, furthest: int) -> int:
    """First lag from which `run` autocorrelations lie within the band of noise; the furthest where none does."""
    sessions = len(centred_T)
    band = 2 * math.sqrt(math.log10(sessions) / sessions)
    loud = np.abs([_autocorrelation(centred_T, lag) for lag in range(furthest + 1)]) >= band
    for lag in range(1, furthest - run + 2):
        if not loud[lag : lag + run].any():
            return lag
    return furthest


def _covariance(centred_T: Floats, lag: int) -> float:
    sessions = len(centred_T)
    return float(centred_T[lag:] @ centred_T[: sessions - lag]) / sessions


def _autocorrelation(centred_T: Floats, lag: int) -> float:
    late, early = centred_T[lag:], centred_T[: len(centred_T) - lag]
    energy = float(late @ late) * float(early @ early)
    return float(late @ early) / math.sqrt(energy) if energy > 0 else 0.0
