"""Market noise: everything in the embedded market that nobody could foretell, drawn before any price is made.

Each quantity has a random stream of its own: switching one part of a market on or off leaves the others as they were.
"""
# T sessions, S securities

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

VWAP_SHARE = 0.5
"""Share of a session's return that lies before its VWAP."""
OPEN_SHARE = 0.25
"""Share of a session's return that lies before its open."""
VWAP_NOISE = 0.3
"""Scatter of the VWAP around its share of the session's return, in noise scales."""


class NoiseLaw(BaseModel):
    """How returns scatter. Scales are standard deviations of daily log returns.

    Half the variance is taken off each log return, so that noise has the expected simple return 0 for quiet and wild
    securities alike; the median of a wild one is lower.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    daily_scale: float = Field(0.02, gt=0, le=0.1, description="own noise of the median security")
    scale_spread: float = Field(0.2, ge=0, le=1, description="standard deviation of log noise scales")
    tail_df: float = Field(6.0, gt=2, description="degrees of freedom of the Student noise, cut at 6 scales")
    market_scale: float = Field(0.012, ge=0, le=0.1, description="noise of the common market factor")
    market_drift: float = Field(0.0003, ge=-0.01, le=0.01, description="daily log drift, the same for all securities")
    beta_spread: float = Field(0.15, ge=0, le=1, description="standard deviation of market betas around 1")
    volatility_spread: float = Field(0.2, ge=0, le=1, description="standard deviation of the common log volatility")
    volatility_persistence: float = Field(0.97, ge=0, lt=1)
    jump_probability: float = Field(0.0015, ge=0, le=0.1, description="of an overnight jump, per session and security")
    jump_scale: float = Field(0.12, ge=0, le=0.5)


class VolumeLaw(BaseModel):
    """How volume scatters. Spreads are standard deviations of log shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    median_shares: float = Field(5e6, ge=1e4)
    security_spread: float = Field(0.8, ge=0, le=3)
    slow_spread: float = Field(0.2, ge=0, le=2, description="of the persistent part of a security's own volume")
    slow_persistence: float = Field(0.95, ge=0, lt=1)
    daily_spread: float = Field(0.25, ge=0, le=2)
    spike_probability: float = Field(0.08, gt=0, lt=1, description="of a session with abnormal volume")
    spike_size: float = Field(5.0, ge=1, description="by which volume is multiplied in a spike")


@dataclass(frozen=True)
class Noise:
    """Drawn noise; `*_TS` are [T, S] and in log return unless said otherwise."""

    common_TS: Floats  # market factor times beta, with the drift and less half the variance
    own_TS: Floats
    scale_S: Floats
    volatility_T: Floats  # common factor on all scales, mean square 1
    jump_TS: Floats
    open_TS: Floats
    vwap_TS: Floats
    above_TS: Floats
    below_TS: Floats
    log_shares_TS: Floats
    is_spike_TS: Bools


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one named quantity."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def opening_prices(seed: int, securities: int, lowest: float, highest: float) -> Floats:
    """Unrounded prices before the first session, yuan, [S]."""
    log_price_S = stream(seed, "price").uniform(np.log(lowest), np.log(highest), securities)
    return np.asarray(np.exp(log_price_S))


def draw_noise(seed: int, sessions: int, securities: int, law: NoiseLaw, volume: VolumeLaw) -> Noise:
    """All noise of a market of T sessions and S securities; the same seed and sizes give the same numbers."""
    shape = (sessions, securities)
    slow_T = _slow(stream(seed, "volatility"), law.volatility_persistence, sessions, 1)[:, 0]
    volatility_T = np.exp(law.volatility_spread * slow_T - law.volatility_spread**2)
    scale_S = law.daily_scale * np.exp(law.scale_spread * stream(seed, "scale").standard_normal(securities).clip(-3, 3))
    scale_TS = volatility_T[:, None] * scale_S
    is_spike_TS = stream(seed, "spike").random(shape) < volume.spike_probability
    jumps = stream(seed, "jump")
    is_jump_TS = jumps.random(shape) < law.jump_probability
    return Noise(
        common_TS=_common(seed, volatility_T, scale_S, law),
        own_TS=scale_TS * _student(stream(seed, "own"), law.tail_df, shape),
        scale_S=scale_S,
        volatility_T=volatility_T,
        jump_TS=np.where(is_jump_TS, law.jump_scale * jumps.standard_normal(shape), 0.0),
        open_TS=0.3 * scale_TS * stream(seed, "open").standard_normal(shape),
        vwap_TS=VWAP_NOISE * scale_TS * stream(seed, "vwap").standard_normal(shape),
        above_TS=0.4 * scale_TS * np.abs(stream(seed, "above").standard_normal(shape)),
        below_TS=0.4 * scale_TS * np.abs(stream(seed, "below").standard_normal(shape)),
        log_shares_TS=_log_shares(seed, shape, volume) + np.log(volume.spike_size) * is_spike_TS,
        is_spike_TS=is_spike_TS,
    )


def _common(seed: int, volatility_T: Floats, scale_S: Floats, law: NoiseLaw) -> Floats:
    """The part of each return that has nothing to do with the security's own fate, [T, S]."""
    beta_S = 1.0 + law.beta_spread * stream(seed, "beta").standard_normal(len(scale_S)).clip(-3, 3)
    market_T = law.market_scale * volatility_T * stream(seed, "market").standard_normal(len(volatility_T)).clip(-4, 4)
    variance_TS = volatility_T[:, None] ** 2 * ((law.market_scale * beta_S) ** 2 + scale_S**2)
    return np.asarray(law.market_drift + market_T[:, None] * beta_S - 0.5 * variance_TS)


def _log_shares(seed: int, shape: tuple[int, int], law: VolumeLaw) -> Floats:
    """Log shares of each session without spikes, [T, S]."""
    level_S = np.log(law.median_shares) + law.security_spread * stream(seed, "volume_level").standard_normal(shape[1])
    slow_TS = law.slow_spread * _slow(stream(seed, "volume_slow"), law.slow_persistence, *shape)
    daily_TS = law.daily_spread * stream(seed, "volume_daily").standard_normal(shape)
    return np.asarray(level_S + slow_TS + daily_TS)


def _slow(rng: np.random.Generator, persistence: float, sessions: int, series: int) -> Floats:
    """Stationary first-order autoregressions of variance 1, [sessions, series]."""
    path = rng.standard_normal((sessions, series))
    innovation = np.sqrt(1.0 - persistence**2)
    for t in range(1, sessions):
        path[t] = persistence * path[t - 1] + innovation * path[t]
    return path


def _student(rng: np.random.Generator, df: float, shape: tuple[int, int]) -> Floats:
    """Student noise scaled to variance 1 and cut at 6."""
    return np.asarray(rng.standard_t(df, shape) / np.sqrt(df / (df - 2.0))).clip(-6, 6)
