"""Strategies: drawn daily returns in excess of a universe, of which it is known who has skill.

They look like daily excess returns of simple rules on real names: correlated (.2), with a volatility that all share and
that fades slowly, and a kurtosis of 9 in law, 6.6 in the median of what is drawn, as the rarest moves are seldom among
five years; the autocorrelation of the return is 0 unless it is asked for.
"""
# T sessions, N strategies

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.intervals import SESSIONS_PER_YEAR

Floats = NDArray[np.float64]

STRATEGIES, YEARS = 20, 5
SESSIONS = YEARS * SESSIONS_PER_YEAR
COMMON = 0.2
FREEDOM = 6
VOLATILITY, FADES = 0.38, 0.96
DAILY = 0.005
BURN_IN = 50


def strategies(seed: int, annual: float = 0.0, follows: float = 0.0) -> Floats:
    """Excess returns of a world, [T, N]; the first strategy has a true annual Sharpe ratio, the others have 0.

    annual   its ratio, in independent sessions
    follows  autocorrelation of neighbouring returns
    """
    rng = np.random.default_rng(seed)
    rows = BURN_IN + SESSIONS
    spread_T1 = np.exp(VOLATILITY * _fading(rng, rows, FADES) - VOLATILITY**2)[:, None]
    shared_T1, own_TN = _student(rng, (rows, 1)), _student(rng, (rows, STRATEGIES))
    steps_TN = spread_T1 * (math.sqrt(COMMON) * shared_T1 + math.sqrt(1 - COMMON) * own_TN)
    x_TN = DAILY * math.sqrt(1 - follows**2) * _filtered(steps_TN, follows)[BURN_IN:]
    x_TN[:, 0] += DAILY * annual / math.sqrt(SESSIONS_PER_YEAR)
    return x_TN


def _student(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Student's t of variance 1."""
    return rng.standard_t(FREEDOM, shape) * math.sqrt((FREEDOM - 2) / FREEDOM)


def _fading(rng: np.random.Generator, rows: int, fades: float) -> Floats:
    """AR(1) of variance 1."""
    steps_T = rng.standard_normal(rows)
    steps_T[1:] *= math.sqrt(1 - fades**2)
    return _filtered(steps_T[:, None], fades)[:, 0]


def _filtered(steps_TN: Floats, follows: float) -> Floats:
    x_TN = steps_TN.copy()
    for t in range(1, len(x_TN) if follows else 0):
        x_TN[t] += follows * x_TN[t - 1]
    return x_TN
