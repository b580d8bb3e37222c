"""Market signal: the planted part of the embedded market, which what is known after a session foretells.

A component keeps a state per security. After session t it moves by
    state_t = rho * state_{t-1} + shock_t,    rho = 0.5 ** (1 / half_life),
and session t + k then has the expected log return strength * scale * rho ** (k - 1) * state_t. Shocks come from what
could be known after session t:
    own_price      the security's own return beyond the market's, in noise scales. The linear part of it is the return
                   up to the VWAP, so that rolling sums and lines see it. The non-linear part is the return times
                   (spike - p) / sqrt(p (1 - p)) for a volume spike of probability p: a return that volume confirmed
                   goes on in its direction, all others turn back slightly, so that neither returns nor volumes alone
                   foretell anything.
    supply_chain   the own returns of the security's customers, by the edges known that session
    industry       the return that its industry shares
    statements     how far a reported profit lies above that of a year before, at its first publication
    news           the tone of news about it
    policy         the direction of a measure that touches its industry
"""
# T sessions, S securities

from __future__ import annotations

from typing import Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, model_validator

from assets.sources.embedded.streams import Bools, Floats, Singles, Streams, autoregression

VWAP_SHARE = 0.5
"""Share of a session's drift that lies before its VWAP."""
PRICE_DRIVEN = ("own_price", "supply_chain")


class Component(BaseModel):
    """One planted component: what drives it, how strong and lasting it is, how much only returns with volumes show."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    driver: Literal["own_price", "supply_chain", "industry", "statements", "news", "policy"]
    ic: float = Field(ge=0, le=0.5, description="mean RankIC at 5 sessions that its true expected return is to earn")
    half_life: float = Field(gt=0, le=500, description="sessions after which half of the drift is left")
    nonlinear_share: float = Field(0.0, ge=0, le=1, description="share of the state's variance that spikes carry")
    direction: Literal["continuation", "reversal"] = "continuation"
    coefficient_spread: float = Field(0.3, ge=0, le=1, description="how far what moves the state drifts around 1")
    coefficient_half_life: float = Field(250.0, gt=0, description="sessions, of that drift")

    @model_validator(mode="after")
    def _only_prices_come_with_volumes(self) -> Self:
        if self.nonlinear_share > 0 and self.driver not in PRICE_DRIVEN:
            raise ValueError(
                f"component {self.name} is driven by {self.driver} and has nonlinear_share {self.nonlinear_share}; "
                f"only {' and '.join(PRICE_DRIVEN)} come with volumes: give 0"
            )
        return self

    @property
    def persistence(self) -> float:
        """rho: what is left of the state after one session."""
        return float(0.5 ** (1.0 / self.half_life))

    def coefficient(self, streams: Streams, sessions: int) -> Singles:
        """Factor on the shocks of each session, mean square 1 over the market, [T]; part of the law, not foretold."""
        draws_T1 = streams.fixed(f"coefficient {self.name}").standard_normal((sessions, 1), dtype=np.float32)
        slow_T = autoregression(draws_T1, 0.5 ** (1.0 / self.coefficient_half_life))[:, 0]
        raw_T = 1.0 + self.coefficient_spread * slow_T
        return np.asarray(raw_T / np.sqrt(np.mean(raw_T**2)), np.float32)

    def in_words(self) -> str:
        """What drives it, what it is to earn over 5 sessions and how long it lasts."""
        lasting = f"RankIC {self.ic:g} at 5 sessions, half-life {self.half_life:g} sessions"
        return f"planted component of {self.driver}, {lasting}"

    def signed(self) -> float:
        """1 where a rise goes on, -1 where it turns back."""
        return 1.0 if self.direction == "continuation" else -1.0


def confirmed(is_spike_TS: Bools, probability: float) -> Singles:
    """(spike - p) / sqrt(p (1 - p)): mean 0 and variance 1, [T, S]."""
    return np.asarray((is_spike_TS - np.float32(probability)) / np.sqrt(probability * (1 - probability)), np.float32)


def states(shocks_TS: Singles, persistence: float) -> Singles:
    """The state after each session, [T, S], from 0 before the first; the shocks are used up."""
    rho = np.float32(persistence)
    for t in range(1, len(shocks_TS)):
        shocks_TS[t] += rho * shocks_TS[t - 1]
    return shocks_TS


def held_weights(horizon: int) -> Floats:
    """Share of the drift of sessions t+1, t+2 ... t+1+h that lies between the VWAPs of t+1 and t+1+h."""
    weights = np.ones(horizon + 1)
    weights[0], weights[-1] = 1.0 - VWAP_SHARE, VWAP_SHARE
    return weights


def held_to_the_end(sessions_left: int) -> Floats:
    """The same for a position that ends at the last close, `sessions_left` sessions after t."""
    weights = np.ones(max(sessions_left, 1))
    weights[0] = 1.0 - VWAP_SHARE
    return weights


def held_drift(persistence: float, weights: Floats) -> float:
    """Drifts of the held sessions together, in units of the drift of session t+1."""
    return float(weights @ persistence ** np.arange(len(weights)))
