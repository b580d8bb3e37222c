"""Market pumps: manipulated runs, a ramp on heavy volume that ends in a dump.

The phase of a security is a Markov chain over none, ramp and dump: what is known of it after session t is its phase,
so the expected return of a holding is a product of matrices, exact for any horizon.
"""
# F phases, S securities, T sessions

from __future__ import annotations

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from assets.sources.embedded.streams import Bools, Floats, Singles, Streams

NONE, RAMP, DUMP = range(3)


class PumpLaw(BaseModel):
    """How often securities are pumped, how steeply they rise and fall, and how much is traded."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(0.0002, ge=0, le=0.1, description="of starts, per session and security")
    ramp_sessions: float = Field(8.0, ge=1, description="mean length of a ramp")
    dump_sessions: float = Field(5.0, ge=1, description="mean length of a dump")
    ramp_drift: float = Field(0.03, ge=0, le=0.08, description="log return a session")
    dump_drift: float = Field(-0.05, ge=-0.1, le=0)
    volume: float = Field(3.0, ge=1, description="by which the volume is multiplied in both")

    def transitions(self) -> Floats:
        """Probability of each phase in the next session, [F, F] from rows to columns."""
        over, ended = 1.0 / self.ramp_sessions, 1.0 / self.dump_sessions
        return np.array([[1 - self.rate, self.rate, 0.0], [0.0, 1 - over, over], [ended, 0.0, 1 - ended]])

    def drifts(self) -> Floats:
        """Log return of a session in each phase, [F]."""
        return np.array([0.0, self.ramp_drift, self.dump_drift])

    def expected(self, weights: Floats) -> Floats:
        """Expected simple return of a holding by the phase after session t, [F].

        weights  share of each session's drift from t+1 on that lies in the holding
        """
        value_F = np.ones(3)
        for weight in weights[::-1]:
            value_F = self.transitions() @ (np.exp(weight * self.drifts()) * value_F)
        return value_F - 1.0


def draw_phases(streams: Streams, law: PumpLaw, is_listed_TS: Bools) -> np.ndarray:
    """The phase of each session, [T, S]; none where a security is not listed."""
    uniforms_TS = streams.uniforms("pump", *is_listed_TS.shape)
    phase_TS = np.zeros(is_listed_TS.shape, np.int8)
    over, ended = 1.0 / law.ramp_sessions, 1.0 / law.dump_sessions
    leave_F, then_F = np.array([law.rate, over, ended], np.float32), np.array([RAMP, DUMP, NONE], np.int8)
    for t in range(1, len(phase_TS)):
        before_S = phase_TS[t - 1]
        moved_S = np.where(uniforms_TS[t] < leave_F[before_S], then_F[before_S], before_S)
        phase_TS[t] = moved_S * is_listed_TS[t]
    return phase_TS


def drift(phase_TS: np.ndarray, law: PumpLaw) -> Singles:
    """Log return of each session that the phase brings, [T, S]."""
    return np.asarray(law.drifts().astype(np.float32)[phase_TS])
