"""Market signal: the planted part of the embedded market, which what is known after a session foretells.

A component keeps a state of variance 1 per security. After session t it moves by
    state_t = rho * state_{t-1} + sqrt(1 - rho^2) * loading_t * surprise_t,    rho = 0.5 ** (1 / half_life),
where `surprise_t` is the security's own return of session t beyond what was expected, in noise scales, cut at 3.
Session t + k then has the expected log return daily_ic * scale * rho ** (k - 1) * state_t, so that `daily_ic` is the
correlation with one session's own noise. The linear part of a loading is 1: rolling sums and lines see it. The
non-linear part is (spike_t - p) / sqrt(p (1 - p)) for a volume spike of probability p: a return that volume confirmed
goes on in its direction, all others turn back slightly, so that neither returns nor volumes alone foretell anything.
"""
# T sessions, S securities

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from assets.sources.market_noise import VWAP_NOISE, VWAP_SHARE, Bools, Floats

SURPRISE_CUT = 3.0


class Component(BaseModel):
    """One planted component: how strong, how lasting, and how much of it only returns with their volumes show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    daily_ic: float = Field(ge=0, le=0.5, description="standard deviation of the daily drift in noise scales")
    half_life: float = Field(gt=0, le=500, description="sessions after which half of the drift is left")
    nonlinear_share: float = Field(ge=0, le=1, description="share of the state's variance that spikes carry")
    direction: Literal["continuation", "reversal"] = "continuation"

    @property
    def persistence(self) -> float:
        """rho: what is left of the state after one session."""
        return float(0.5 ** (1.0 / self.half_life))

    def loadings(self, is_spike_TS: Bools, spike_probability: float) -> Floats:
        """Weight of each session's surprise in the state, [T, S], mean square 1."""
        p = spike_probability
        confirmed_TS = (is_spike_TS - p) / np.sqrt(p * (1.0 - p))
        loading_TS = np.sqrt(1.0 - self.nonlinear_share) + np.sqrt(self.nonlinear_share) * confirmed_TS
        return np.asarray(loading_TS if self.direction == "continuation" else -loading_TS)

    def advance(self, state_S: Floats, loading_S: Floats, surprise_S: Floats) -> Floats:
        """The state after a session, [S]; a session without a surprise (0) lets it decay."""
        rho = self.persistence
        news_S = loading_S * surprise_S.clip(-SURPRISE_CUT, SURPRISE_CUT)
        return np.asarray(rho * state_S + np.sqrt(1.0 - rho**2) * news_S)

    def held_drift(self, horizon: int) -> float:
        """Sum of the drifts between the VWAPs of sessions t+1 and t+1+h, in units of the drift of session t+1.

        The VWAP lies at `VWAP_SHARE` of a session's return, so that share of session t+1 comes before entry.
        """
        decay_H = self.persistence ** np.arange(horizon + 1)
        decay_H[0] *= 1.0 - VWAP_SHARE
        decay_H[-1] *= VWAP_SHARE
        return float(decay_H.sum())


def holding_noise(horizon: int) -> float:
    """Standard deviation of a return from VWAP t+1 to VWAP t+1+h, in noise scales of one session."""
    return float(np.sqrt((1.0 - VWAP_SHARE) ** 2 + horizon - 1.0 + VWAP_SHARE**2 + 2.0 * VWAP_NOISE**2))
