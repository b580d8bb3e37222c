"""Market limits: what price limits do to the expected return of a holding.

A buy fills in a session that is locked at its lower limit, above what the security is worth; one that is locked at its
upper limit refuses it. A sale waits while the lower limit locks, and fills at the upper one, below what the security is
worth. The log return of the worth up to the VWAP of a session is normal, or, with small probability, that of a wild
session.
"""
# N rows

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr

from assets.sources.market_noise import VARIANCE_SHARES, NoiseLaw
from assets.sources.market_streams import Singles

BEFORE_VWAP = np.float32(VARIANCE_SHARES[:2].sum())
"""Share of a session's variance that lies before its VWAP."""
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
    for probability, mean_N, spread_N in _sessions(own_N, shared_N, law):
        below_N = ndtr((lower_N - mean_N) / spread_N)
        filled_N = ndtr((upper_N - mean_N) / spread_N)
        fills_N += probability * filled_N
        worth_N += probability * (np.exp(-lower_N) * _worth_below(lower_N, mean_N, spread_N) + filled_N - below_N)
    return np.where(fills_N > HARDLY, worth_N / np.maximum(fills_N, HARDLY), np.float32(1.0))


def received(own_N: Singles, shared_N: Singles, upper_N: Singles, law: NoiseLaw) -> Singles:
    """Expected price of a sale over worth, given the variances before the VWAP of its session, [N]."""
    price_N = np.zeros_like(own_N)
    for probability, mean_N, spread_N in _sessions(own_N, shared_N, law):
        beyond_N = 1.0 - ndtr((upper_N - mean_N) / spread_N)
        price_N += probability * (_worth_below(upper_N, mean_N, spread_N) + np.exp(upper_N) * beyond_N)
    return price_N


def _worth_below(bound_N: Singles, mean_N: Singles, spread_N: Singles) -> Singles:
    """Expected worth where its log lies below a bound, 0 elsewhere, [N]."""
    return np.asarray(np.exp(mean_N + spread_N**2 / 2) * ndtr((bound_N - mean_N - spread_N**2) / spread_N))


def _sessions(own_N: Singles, shared_N: Singles, law: NoiseLaw) -> Iterator[tuple[np.float32, Singles, Singles]]:
    """Probability of calm and of wild sessions, and mean and spread of the log worth before their VWAP, [N] each."""
    tail = law.own_tail
    step_N = np.float32(tail.shift) * np.sqrt(own_N / BEFORE_VWAP)
    apart_N = np.log1p(np.float32(tail.probability) * np.expm1(step_N))
    for probability, wildness, is_wild in (
        (1 - tail.probability, tail.calm_variance, 0), (tail.probability, tail.variance, 1),
    ):  # fmt: skip
        variance_N = np.float32(wildness) * own_N + shared_N
        mean_N = np.asarray(step_N * is_wild - apart_N - variance_N / 2, np.float32)
        yield np.float32(probability), mean_N, np.asarray(np.sqrt(variance_N), np.float32)
