"""Market limits: what price limits do to the expected return of a holding.

A buy fills in a session that is locked at its lower limit, above what the security is worth; one that is locked at its
upper limit refuses it. A sale waits while the lower limit locks, and fills at the upper one, below what the security is
worth. Before the VWAP of a session the log return x of the worth is normal with variance v and mean -v/2, or, with
small probability, that of a wild session.
"""
# N rows

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from assets.sources.market_noise import NoiseLaw
from assets.sources.market_streams import Singles

FAR = 3.0
"""Log return that stands for no limit."""
HARDLY = np.float32(1e-4)
"""Probability of a fill below which a buy is taken for refused."""


def bound(percent_N: np.ndarray, gap_N: Singles, sign: int) -> Singles:
    """Log return of the worth at which the upper (sign 1) or the lower (-1) limit locks the next session, [N].

    gap_N  log of worth over printed close
    """
    simple_N = np.clip(sign * percent_N.astype(np.float32) / 100, -0.95, np.expm1(FAR))
    return np.asarray(np.log1p(simple_N) - gap_N, np.float32)


def paid(own_N: Singles, shared_N: Singles, lower_N: Singles, upper_N: Singles, law: NoiseLaw) -> Singles:
    """Expected worth over price paid of a buy that fills, given the variances before the VWAP, [N]."""
    worth_N, fills_N = np.zeros_like(own_N), np.zeros_like(own_N)
    for probability, wildness in _sessions(law):
        half_N, spread_N = _moments(own_N, shared_N, wildness)
        below_N = ndtr((lower_N + half_N) / spread_N)
        filled_N = ndtr((upper_N + half_N) / spread_N)
        fills_N += probability * filled_N
        worth_N += probability * (np.exp(-lower_N) * ndtr((lower_N - half_N) / spread_N) + filled_N - below_N)
    return np.where(fills_N > HARDLY, worth_N / np.maximum(fills_N, HARDLY), np.float32(1.0))


def received(own_N: Singles, shared_N: Singles, upper_N: Singles, law: NoiseLaw) -> Singles:
    """Expected price of a sale over worth, given the variances before the VWAP of its session, [N]."""
    price_N = np.zeros_like(own_N)
    for probability, wildness in _sessions(law):
        half_N, spread_N = _moments(own_N, shared_N, wildness)
        beyond_N = 1.0 - ndtr((upper_N + half_N) / spread_N)
        price_N += probability * (ndtr((upper_N - half_N) / spread_N) + np.exp(upper_N) * beyond_N)
    return price_N


def _sessions(law: NoiseLaw) -> tuple[tuple[np.float32, np.float32], ...]:
    """Probability and own variance of calm and of wild sessions, the latter in usual variances."""
    calm = np.float32(1 - law.tail_probability), np.float32(law.calm_variance)
    return calm, (np.float32(law.tail_probability), np.float32(law.tail_variance))


def _moments(own_N: Singles, shared_N: Singles, wildness: np.float32) -> tuple[Singles, Singles]:
    variance_N = wildness * own_N + shared_N
    return np.asarray(variance_N / 2), np.asarray(np.sqrt(variance_N), np.float32)
