"""Market limits: what price limits do to the expected return of a holding.

A VWAP beyond a limit is printed at the limit: a buy then costs less or more than the security is worth, a sale brings
more or less. A session that also opened there is locked: the upper limit refuses the buy, the lower one makes a sale
wait for a later VWAP at its worth. The log return of the worth up to the VWAP of a session is normal, or, with small
probability, that of a wild session.
"""
# N rows

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.special import ndtr, ndtri

from assets.sources.embedded.noise import VARIANCE_SHARES, NoiseLaw
from assets.sources.embedded.streams import Singles

BEFORE_VWAP = np.float32(VARIANCE_SHARES[:2].sum())
"""Share of a session's variance that lies before its VWAP."""
OPEN_SHARE = np.float32(VARIANCE_SHARES[0] / VARIANCE_SHARES[:2].sum())
"""Share of the variance before a VWAP that lies before the open."""
SLICES = 8
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
    worth_N, fills_N = np.zeros_like(own_N), np.ones_like(own_N)
    for probability, mean_N, spread_N in _sessions(own_N, shared_N, law):
        value_N = np.exp(mean_N + spread_N**2 / 2)
        between_N = ndtr((upper_N - mean_N) / spread_N) - ndtr((lower_N - mean_N) / spread_N)
        above_N = value_N - _worth_below(upper_N, mean_N, spread_N)
        below_N = _worth_below(lower_N, mean_N, spread_N)
        locked_N, lost_N = _locked(mean_N, spread_N, upper_N)
        fills_N -= probability * locked_N
        worth_N += probability * (np.exp(-lower_N) * below_N + between_N + np.exp(-upper_N) * (above_N - lost_N))
    return np.where(fills_N > HARDLY, worth_N / np.maximum(fills_N, HARDLY), np.float32(1.0))


def received(own_N: Singles, shared_N: Singles, lower_N: Singles, upper_N: Singles, law: NoiseLaw) -> Singles:
    """Expected price of a sale over worth, given the variances before the VWAP of its session, [N]."""
    price_N = np.zeros_like(own_N)
    for probability, mean_N, spread_N in _sessions(own_N, shared_N, law):
        inside_N = _worth_below(upper_N, mean_N, spread_N) - _worth_below(lower_N, mean_N, spread_N)
        above_N = 1.0 - ndtr((upper_N - mean_N) / spread_N)
        below_N = ndtr((lower_N - mean_N) / spread_N)
        price_N += probability * (inside_N + np.exp(upper_N) * above_N + np.exp(lower_N) * below_N)
    return price_N


def _locked(mean_N: Singles, spread_N: Singles, upper_N: Singles) -> tuple[Singles, Singles]:
    """Probability of a session locked at its upper limit, and the expected worth at its VWAP there, [N] each.

    What lies beyond the limit at the open is cut into slices of equal probability, each taken at its middle.
    """
    locked_N, worth_N = np.zeros_like(mean_N), np.zeros_like(mean_N)
    opens_N = ndtr(-(upper_N - OPEN_SHARE * mean_N) / (np.sqrt(OPEN_SHARE) * spread_N))
    at = np.nonzero(opens_N > HARDLY)[0]
    mean, spread, upper, opens = mean_N[at], spread_N[at], upper_N[at], opens_N[at]
    rest, apart = (1 - OPEN_SHARE) * mean, np.sqrt(1 - OPEN_SHARE) * spread
    for place in range(SLICES):
        opened = OPEN_SHARE * mean - np.sqrt(OPEN_SHARE) * spread * ndtri(opens * (place + 0.5) / SLICES)
        locked_N[at] += opens / SLICES * ndtr((opened + rest - upper) / apart)
        value = np.exp(opened + rest + apart**2 / 2)
        worth_N[at] += opens / SLICES * value * ndtr((opened + rest + apart**2 - upper) / apart)
    return locked_N, worth_N


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
