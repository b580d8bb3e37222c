"""Market strength: how strong each drift has to be for its true expected return to earn the RankIC that is asked.

The noise of a market is drawn before its drifts. For a sample of sessions the label is made of that noise twice, once
with the drifts and once with their signs turned; half the difference of the two RankICs of a drift is what it adds,
with nearly all of the noise taken out. Strengths are moved until that equals what was asked, overlaps included.
"""
# D drifts, P sampled sessions, S securities, T sessions

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from assets.sources.embedded.signal import held_drift, held_weights
from assets.sources.embedded.streams import Bools, Floats, Places, Singles
from assets.sources.embedded.unforeseen import Held

HORIZON = 5
"""Sessions, at which the RankIC is asked."""
CELLS = 150_000
FEWEST_SESSIONS, FEWEST_SECURITIES = 100, 10
ROUNDS = 3


@dataclass(frozen=True)
class Drift:
    """A part of the expected return: what is asked of it and where it stands after each session.

    unit_TS  log return of session t+1 at strength 1, or [1, S] where it never changes
    """

    name: str
    ic: float
    persistence: float
    unit_TS: Singles

    def held(self, horizon: int) -> float:
        """Log return of a holding in units of the drift of session t+1."""
        return held_drift(self.persistence, held_weights(horizon))

    def rows(self, places: Places | slice) -> Singles:
        """Drift of session t+1 at strength 1 after some sessions."""
        return self.unit_TS if len(self.unit_TS) == 1 else self.unit_TS[places]


Variance = Callable[[Singles, Singles], Singles]


def sample(trades_TS: Bools) -> Places:
    """Evenly spaced sessions that have a whole holding after them, [P]; none where the market is too small."""
    last, securities = trades_TS.shape[0] - HORIZON - 1, trades_TS.shape[1]
    if last < FEWEST_SESSIONS // 4 or securities < FEWEST_SECURITIES:
        return np.zeros(0, np.intp)
    many = min(last, max(FEWEST_SESSIONS, CELLS // securities))
    return np.unique(np.linspace(0, last - 1, many).astype(np.intp))


def strengths(drifts: Sequence[Drift], held: Held, variance: Variance, places_P: Places, trades_TS: Bools) -> Floats:
    """Strength of each drift, [D]; 0 where no RankIC is asked or nothing can earn one.

    held      noise of a holding of 5 sessions after each of `places_P`
    variance  factor on the own variance, given the expected log return of session t+1 and its mean over the holding
    """
    valid_PS = trades_TS[places_P] & trades_TS[places_P + 1]
    rows = [np.broadcast_to(drift.rows(places_P), valid_PS.shape) for drift in drifts]
    strong_D = np.array([_guess(*pair, held) for pair in zip(drifts, rows, strict=True)])
    if not strong_D.any():
        return strong_D
    ranks = [_ranks(row, valid_PS) if strong else None for row, strong in zip(rows, strong_D, strict=True)]
    asked_D = np.array([drift.ic for drift in drifts])
    for _ in range(ROUNDS):
        up, down = (_ranks(_label(drifts, rows, sign * strong_D, held, variance), valid_PS) for sign in (1, -1))
        found_D = np.array([0.0 if rank is None else (_mean_ic(rank, up) - _mean_ic(rank, down)) / 2 for rank in ranks])
        strong_D = strong_D * np.where(strong_D > 0, np.clip(asked_D / np.maximum(found_D, 1e-9), 0.5, 2.0), 0.0)
    return strong_D


def _guess(drift: Drift, row_PS: Singles, held: Held) -> float:
    """Strength that would do for normal noise and normal drifts."""
    spread = float(np.sqrt(np.mean(np.square(row_PS, dtype=np.float64))))
    if drift.ic == 0 or spread == 0:
        return 0.0
    noise_PS = held.shared_PS + held.own_PS
    noise = float(np.std(noise_PS - noise_PS.mean(axis=1, keepdims=True)))
    return drift.ic / 0.955 * noise / (spread * drift.held(HORIZON))


def _label(
    drifts: Sequence[Drift], rows: Sequence[Singles], strong_D: Floats, held: Held, variance: Variance
) -> Singles:
    """Log return of a holding with its drift, [P, S]."""
    next_PS = np.zeros_like(held.own_PS)
    total_PS = np.zeros_like(held.own_PS)
    for strong, drift, row_PS in zip(strong_D, drifts, rows, strict=True):
        if strong:
            next_PS += np.float32(strong) * row_PS
            total_PS += np.float32(strong * drift.held(HORIZON)) * row_PS
    total_PS += held.log_return(variance(next_PS, total_PS / np.float32(HORIZON)))
    return total_PS


def _ranks(values_PS: Singles, valid_PS: Bools) -> Floats:
    """Ranks within each session less their mean, scaled to unit length; 0 where not valid, ties in any order."""
    many_P1 = valid_PS.sum(axis=1, keepdims=True)
    ordered = np.where(valid_PS, values_PS, np.inf).argsort(axis=1, kind="stable")
    ranks_PS = np.empty(values_PS.shape)
    np.put_along_axis(ranks_PS, ordered, np.broadcast_to(np.arange(values_PS.shape[1]), values_PS.shape), axis=1)
    centred_PS = np.where(valid_PS, ranks_PS - (many_P1 - 1) / 2, 0.0)
    return np.asarray(centred_PS / np.sqrt(np.maximum((centred_PS**2).sum(axis=1, keepdims=True), 1e-12)))


def _mean_ic(a_PS: Floats, b_PS: Floats) -> float:
    return float((a_PS * b_PS).sum(axis=1).mean())
