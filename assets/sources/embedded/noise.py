"""Market noise: the law and the draws of what nobody could foretell: market, industries, size, each security's fate.

A session's log return has three parts: up to the open, from there to the VWAP, from there to the close. They are
independent, so the VWAP is a point of the path and not noise around it. Each normal part has half its variance taken
off, given the scale that was drawn for it, so that all noise has the expected simple return 0.
"""
# K industries, P parts of a session, T sessions, S securities

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from assets.sources.embedded.streams import Bools, Places, Singles, Streams, autoregression

PARTS = ("open", "early", "late")
VARIANCE_SHARES = np.array([0.2, 0.5, 0.3], np.float32)
"""Of a session's variance up to the open, from there to the VWAP, and from there to the close."""
SURPRISE_CUT = 3.0
"""Own surprises count at most this many noise scales."""


class Tail(BaseModel):
    """Wild sessions: how often they come, how much more they scatter, and in which direction they lie."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    probability: float = Field(0.0, ge=0, lt=0.5)
    variance: float = Field(1.0, ge=1, description="of a wild session, in usual variances")
    shift: float = Field(0.0, ge=-3, le=3, description="mean log return of a wild session, in usual scales")

    @model_validator(mode="after")
    def _a_rest_is_left(self) -> Self:
        if self.probability * self.variance >= 1:
            raise ValueError(
                f"a tail of probability {self.probability} and variance {self.variance} holds "
                f"{self.probability * self.variance:.2f} of all variance; it must be below 1"
            )
        return self

    @property
    def calm_variance(self) -> float:
        """Variance of a session that is not wild, in usual variances."""
        return (1.0 - self.probability * self.variance) / (1.0 - self.probability)

    def variances(self, is_wild: Bools) -> Singles:
        """Variance of each session, in usual variances."""
        return np.where(is_wild, np.float32(self.variance), np.float32(self.calm_variance))

    def shifts(self, is_wild: Bools, scale: Singles) -> Singles:
        """Log return of each session by which wild ones lie apart, expected simple return 0."""
        step = np.float32(self.shift) * scale
        return np.asarray(step * is_wild - np.log1p(np.float32(self.probability) * np.expm1(step)))


class NoiseLaw(BaseModel):
    """How returns scatter. Scales are standard deviations of daily log returns."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    daily_scale: float = Field(0.021, gt=0, le=0.1, description="own noise of the median security")
    scale_spread: float = Field(0.2, ge=0, le=1, description="standard deviation of log noise scales")
    own_tail: Tail = Tail(probability=0.06, variance=6.5, shift=1.35)
    own_volatility_spread: float = Field(0.35, ge=0, le=1, description="of a security's own log volatility")
    own_volatility_persistence: float = Field(0.975, ge=0, lt=1)
    market_scale: float = Field(0.02, ge=0, le=0.1, description="noise of the common market factor")
    market_tail: Tail = Tail(probability=0.05, variance=3.5, shift=-1.5)
    market_drift: float = Field(0.0003, ge=-0.01, le=0.01, description="daily log drift, the same for all securities")
    beta_spread: float = Field(0.15, ge=0, le=1, description="standard deviation of market betas around 1")
    industry_scale: float = Field(0.006, ge=0, le=0.1, description="noise that an industry shares")
    size_scale: float = Field(0.004, ge=0, le=0.1, description="noise that small securities share against large ones")
    volatility_spread: float = Field(0.45, ge=0, le=1, description="standard deviation of the common log volatility")
    volatility_persistence: float = Field(0.985, ge=0, lt=1)
    leverage: float = Field(
        0.95, ge=0, lt=1, description="how much a falling market raises the volatility that follows"
    )
    own_part_of_volatility: float = Field(
        0.5, ge=0, le=1, description="power of the common volatility that scales a security's own noise"
    )
    turbulent_share: float = Field(0.15, ge=0, lt=1, description="of sessions in the turbulent regime")
    turbulent_sessions: float = Field(100.0, ge=2, description="mean length of a turbulent regime")
    turbulent_scale: float = Field(2.4, ge=1, le=5, description="noise of a turbulent session, in calm ones")
    jump_probability: float = Field(0.0015, ge=0, le=0.1, description="of an overnight jump, per session and security")
    jump_scale: float = Field(0.08, ge=0, le=0.5)
    jump_mean: float = Field(0.02, ge=-0.5, le=0.5, description="mean log jump")
    fall_noise: float = Field(
        0.15, ge=0, le=0.3, description="how much noisier a security is for each deviation of its expected return below"
    )

    @property
    def jump_drift(self) -> float:
        """Log of the mean simple return that jumps add to every session."""
        return float(np.log1p(self.jump_probability * np.expm1(self.jump_mean + self.jump_scale**2 / 2)))


@dataclass(frozen=True)
class Draws:
    """Drawn noise before it is put together."""

    scale_S: Singles
    beta_S: Singles
    volatility_T: Singles  # factor on what securities share, mean square about 1
    own_volatility_T: Singles  # common factor on own noise
    slow_T: Singles  # log volatility of the next session without the regime, in spreads
    is_turbulent_T: Singles
    is_wild_T: Bools  # of the market
    own_slow_TS: Singles  # log of the own volatility, in spreads
    own_scale_TS: Singles  # of the session as a whole
    normals_PTS: tuple[Singles, Singles, Singles]
    market_TP: Singles  # standard normal
    industry_TKP: Singles
    size_TP: Singles
    jump_TS: Singles  # log return before the open
    apart_TS: Singles  # log return between open and VWAP by which wild sessions lie apart

    @cached_property
    def early_surprise(self) -> Singles:
        """Own return up to the VWAP in noise scales, cut, mean 0, [T, S]."""
        return self._surprise("open", "early")

    @cached_property
    def late_surprise(self) -> Singles:
        """Own return from the VWAP to the close in noise scales, cut, mean 0, [T, S]."""
        return self._surprise("late")

    @cached_property
    def surprise(self) -> Singles:
        """Own return of the whole session in noise scales, cut, mean 0, [T, S]."""
        return self._surprise(*PARTS)

    @property
    def industry_surprise(self) -> Singles:
        """Return that an industry shares, in its own scale, standard normal, [T, K]."""
        return np.asarray(self.industry_TKP @ np.sqrt(VARIANCE_SHARES), np.float32)

    def own(self, rows: Places | slice, *names: str) -> Singles:
        """Own log return of some parts of some sessions, [T, S], without what is taken off for its variance."""
        places = [PARTS.index(name) for name in names]
        total_TS: Singles = np.sqrt(VARIANCE_SHARES[places[0]]) * self.normals_PTS[places[0]][rows]
        for p in places[1:]:
            total_TS += np.sqrt(VARIANCE_SHARES[p]) * self.normals_PTS[p][rows]
        total_TS *= self.own_scale_TS[rows]
        return total_TS

    def _surprise(self, *names: str) -> Singles:
        share = VARIANCE_SHARES[[PARTS.index(name) for name in names]].sum()
        found_TS = self.own(slice(None), *names)
        found_TS /= np.sqrt(share) * self.own_volatility_T[:, None]
        found_TS /= self.scale_S
        np.clip(found_TS, -SURPRISE_CUT, SURPRISE_CUT, out=found_TS)
        return found_TS


def draw_noise(streams: Streams, sessions: int, securities: int, industries: int, law: NoiseLaw) -> Draws:
    """All noise of a market of T sessions, S securities and K industries."""
    shape = (sessions, securities)
    scatter_S = streams.fixed("scale").standard_normal(securities).clip(-3, 3)
    scale_S = (law.daily_scale * np.exp(law.scale_spread * scatter_S)).astype(np.float32)
    beta_S = (1.0 + law.beta_spread * streams.fixed("beta").standard_normal(securities).clip(-3, 3)).astype(np.float32)
    market_TP = streams.normals("market", sessions, len(PARTS))
    is_wild_T = streams.uniforms("market_wild", sessions) < law.market_tail.probability
    slow_T = _slow(streams, market_TP, is_wild_T, law)
    is_turbulent_T = _regimes(streams.uniforms("regime", sessions, 2), law)
    # the volatility of a session is known before it: it moves with what came until the one before
    volatility_T = volatility(np.concatenate([slow_T[:1], slow_T[:-1]]), is_turbulent_T, law)
    own_slow_TS = autoregression(streams.normals("own_volatility", *shape), law.own_volatility_persistence)
    is_own_wild_TS = streams.uniforms("wild", *shape) < law.own_tail.probability
    spread = np.float32(law.own_volatility_spread)
    own_scale_TS = np.exp(spread * own_slow_TS - spread**2)
    own_volatility_T = volatility_T ** np.float32(law.own_part_of_volatility)
    own_scale_TS *= own_volatility_T[:, None] * scale_S
    apart_TS = law.own_tail.shifts(is_own_wild_TS, own_scale_TS)
    apart_TS += law.market_tail.shifts(is_wild_T[:, None], volatility_T[:, None] * (law.market_scale * beta_S))
    own_scale_TS *= np.sqrt(law.own_tail.variances(is_own_wild_TS))
    return Draws(
        scale_S=scale_S,
        beta_S=beta_S,
        volatility_T=volatility_T,
        own_volatility_T=own_volatility_T,
        slow_T=slow_T,
        is_turbulent_T=is_turbulent_T,
        is_wild_T=is_wild_T,
        own_slow_TS=own_slow_TS,
        own_scale_TS=own_scale_TS,
        normals_PTS=(
            streams.normals("own_open", *shape),
            streams.normals("own_early", *shape),
            streams.normals("own_late", *shape),
        ),
        market_TP=market_TP * np.sqrt(law.market_tail.variances(is_wild_T))[:, None],
        industry_TKP=streams.normals("industry", sessions, industries, len(PARTS)),
        size_TP=streams.normals("size", sessions, len(PARTS)),
        jump_TS=_jumps(streams, shape, law),
        apart_TS=apart_TS,
    )


def _slow(streams: Streams, market_TP: Singles, is_wild_T: Bools, law: NoiseLaw) -> Singles:
    """Log volatility after each session, in spreads, [T]: a falling market raises it."""
    tail, fresh_T = law.market_tail, streams.normals("volatility", len(market_TP))
    fall_T = -(market_TP @ np.sqrt(VARIANCE_SHARES)) * np.sqrt(tail.variances(is_wild_T))
    fall_T -= tail.shift * (is_wild_T - np.float32(tail.probability))
    fall_T /= np.float32(np.sqrt(1 + tail.probability * (1 - tail.probability) * tail.shift**2))
    shocks_T = law.leverage * fall_T + np.sqrt(1 - law.leverage**2) * fresh_T
    return autoregression(shocks_T.astype(np.float32), law.volatility_persistence)


def volatility(slow: Singles, is_turbulent: Singles, law: NoiseLaw) -> Singles:
    """Common factor on all scales; its mean square is 1 over both regimes."""
    calm = 1.0 / np.sqrt(1.0 + law.turbulent_share * (law.turbulent_scale**2 - 1.0))
    level = np.exp(law.volatility_spread * slow - law.volatility_spread**2)
    return np.asarray(level * calm * np.where(is_turbulent > 0, law.turbulent_scale, 1.0), np.float32)


def leaving(law: NoiseLaw) -> tuple[float, float]:
    """Probabilities of leaving the turbulent and the calm regime in a session."""
    out = 1.0 / law.turbulent_sessions
    return out, min(1.0, out * law.turbulent_share / (1.0 - law.turbulent_share))


def _regimes(uniforms_T2: Singles, law: NoiseLaw) -> Singles:
    """1 in turbulent sessions and 0 in calm ones, [T]."""
    out, into = leaving(law)
    is_turbulent_T = np.zeros(len(uniforms_T2), np.float32)
    now = bool(uniforms_T2[0, 1] < law.turbulent_share)
    for t, draw in enumerate(uniforms_T2[:, 0]):
        now = bool(draw >= out) if now else bool(draw < into)
        is_turbulent_T[t] = now
    return is_turbulent_T


def _jumps(streams: Streams, shape: tuple[int, int], law: NoiseLaw) -> Singles:
    """Overnight jumps, expected simple return 0, [T, S]."""
    if law.jump_probability == 0 or law.jump_scale == 0:
        return np.zeros(shape, np.float32)
    where = np.nonzero(streams.uniforms("jump", *shape) < law.jump_probability)
    sizes = streams.told("jump_size", where[0]).astype(np.float32)
    jump_TS = np.full(shape, -law.jump_drift, np.float32)
    jump_TS[where] += law.jump_mean + law.jump_scale * sizes
    return jump_TS
