"""Market volume: how many shares change hands, and how large the companies are."""
# T sessions, S securities

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from assets.sources.embedded.noise import Draws
from assets.sources.embedded.streams import Bools, Floats, Singles, Streams, autoregression


class VolumeLaw(BaseModel):
    """How volume scatters. Spreads are standard deviations of logs; turnover is volume over float shares."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    median_cap: float = Field(6e9, ge=1e8, description="yuan, float capitalisation of the median security")
    cap_spread: float = Field(0.8, ge=0, le=3)
    turnover: float = Field(0.015, gt=0, le=0.5, description="of the median security in a usual session")
    security_spread: float = Field(0.4, ge=0, le=3)
    slow_spread: float = Field(0.6, ge=0, le=2, description="of the persistent part of a security's own volume")
    slow_persistence: float = Field(0.985, ge=0, lt=1)
    daily_spread: float = Field(0.15, ge=0, le=2)
    market_spread: float = Field(0.2, ge=0, le=2, description="of what all securities share in a session")
    move_weight: float = Field(0.55, ge=0, le=2, description="log volume for each noise scale that the price moves")
    volatility_weight: float = Field(1.0, ge=0, le=3, description="log volume for each log of a volatility")
    spike_probability: float = Field(0.08, gt=0, lt=1, description="of a session with abnormal volume")
    spike_size: float = Field(4.0, ge=1, description="by which volume is multiplied in a spike")


@dataclass(frozen=True)
class Companies:
    """Size of each security before the first session, [S]."""

    price_S: Floats  # yuan, unrounded, what the market thinks it is worth
    float_shares_S: Floats
    total_shares_S: Floats
    largeness_S: Singles  # log capitalisation, standard


def draw_companies(streams: Streams, securities: int, prices: tuple[float, float], law: VolumeLaw) -> Companies:
    """Prices and shares of every security; the smaller the company, the cheaper its share, loosely."""
    lowest, highest = np.log(prices)
    price_S = np.exp(streams.fixed("price").uniform(lowest, highest, securities))
    largeness_S = streams.fixed("size").standard_normal(securities).clip(-2.5, 3)
    shares_S = law.median_cap * np.exp(law.cap_spread * largeness_S) / price_S
    shares_S = np.maximum(np.rint(shares_S / 1e4), 100) * 1e4
    locked_S = streams.fixed("locked_shares").uniform(1.0, 2.5, securities)
    total_S = np.rint(shares_S * locked_S / 1e4) * 1e4
    return Companies(price_S, shares_S, total_S, largeness_S.astype(np.float32))


def draw_spikes(streams: Streams, shape: tuple[int, int], law: VolumeLaw) -> Bools:
    """Sessions with abnormal volume, [T, S]."""
    return np.asarray(streams.uniforms("spike", *shape) < law.spike_probability)


def log_turnover(
    streams: Streams, draws: Draws, is_spike_TS: Bools, law: VolumeLaw, volatility_spread: float
) -> Singles:
    """Log of volume over float shares of each session, [T, S].

    volatility_spread  of the log of the own volatility
    """
    shape = is_spike_TS.shape
    level_S = np.log(law.turnover) + law.security_spread * streams.fixed("volume_level").standard_normal(shape[1])
    volume_TS = autoregression(streams.normals("volume_slow", *shape), law.slow_persistence)
    volume_TS *= np.float32(law.slow_spread)
    volume_TS += level_S.astype(np.float32)
    volume_TS += np.float32(law.daily_spread) * streams.normals("volume_daily", *shape)
    volume_TS += np.float32(law.market_spread) * streams.normals("volume_market", shape[0], 1)
    volume_TS += np.float32(law.volatility_weight * volatility_spread) * draws.own_slow_TS
    volume_TS += np.float32(law.volatility_weight) * np.log(draws.volatility_T)[:, None]
    volume_TS += np.float32(law.move_weight) * (np.abs(draws.surprise) - np.float32(0.75))
    volume_TS += np.float32(np.log(law.spike_size)) * is_spike_TS
    return volume_TS
