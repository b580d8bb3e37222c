"""Superior: does the best of many trials beat a benchmark, given how many were tried?

White's reality check (2000, Econometrica 68) compares the largest mean lead with its law under "none is better".
Hansen's test of superior predictive ability (2005, JBES 23) divides each lead by its own standard error first, so that
a wild trial does not hide a steady one, and does not let trials that are plainly worse weaken the test.
"""
# T sessions, N trials, R draws

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.bootstrap import DRAWS, FEWEST, drawn_means, shared_block, stationary_draws

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Superior:
    """p values of "no trial is better than the benchmark"; small ones speak for a trial that is.

    lower, consistent, upper  Hansen's; the consistent one is the test, the others bound it
    reality_check             White's, not studentised
    t_N                       studentised mean lead of each trial; 0 for one that never leads nor lags
    own_N                     p of each trial alone, corrected for all that were tried: its t against the largest drawn
    block                     mean length of the drawn blocks, in sessions
    """

    lower: float
    consistent: float
    upper: float
    reality_check: float
    t_N: Floats
    own_N: Floats
    block: float
    sessions: int

    @property
    def best(self) -> int:
        """Place of the trial with the largest t, the first of equals."""
        return int(np.argmax(self.t_N))


def superior(lead_TN: Floats, seed: int = 0, draws: int = DRAWS, block: float | None = None) -> Superior:
    """Test whether any trial leads.

    lead_TN  daily return of each trial less that of the benchmark, or any gain of which more is better
    block    mean length of the drawn blocks; by default the mean of what `bootstrap.block_length` chooses
    raises   ValueError for no trial, fewer than 20 sessions, values that are not finite, and a
             lead that never changes but is not 0
    """
    _check(lead_TN)
    sessions = len(lead_TN)
    block = shared_block(lead_TN) if block is None else block
    root, mean_N = math.sqrt(sessions), lead_TN.mean(axis=0)
    scale_N = standard_deviations(lead_TN, block)
    unlike_N = scale_N > 0
    drawn_RN = drawn_means(lead_TN, stationary_draws(sessions, draws, block, seed))[:, unlike_N]
    mean_U, scale_U = mean_N[unlike_N], scale_N[unlike_N]
    t_N = np.zeros(len(mean_N))
    t_N[unlike_N] = root * mean_U / scale_U
    least = -math.sqrt(2 * math.log(math.log(sessions)))
    centres = (np.maximum(mean_U, 0), np.where(t_N[unlike_N] >= least, mean_U, 0.0), mean_U)
    largest = [(root * (drawn_RN - centre_U) / scale_U).max(axis=1, initial=0.0) for centre_U in centres]
    seen = max(float(t_N.max()), 0.0)
    lower, consistent, upper = (float((largest_R >= seen).mean()) for largest_R in largest)
    own_N = (largest[1][:, None] >= t_N).mean(axis=0)
    return Superior(lower, consistent, upper, _reality_check(drawn_RN, mean_U), t_N, own_N, block, sessions)


def standard_deviations(x_TN: Floats, block: float) -> Floats:
    """Omega [N]: standard deviation of sqrt(T) times each mean in draws of the stationary bootstrap, in closed form.

    0 for a series that is 0 throughout (Politis, Romano 1994, lemma 1; Hansen 2005, section 3.2).
    """
    sessions, stays = len(x_TN), 1 - 1 / block
    centred_TN = x_TN - x_TN.mean(axis=0)
    spectrum = np.fft.rfft(centred_TN, n=2 * sessions, axis=0)
    covariance_TN = np.fft.irfft(np.abs(spectrum) ** 2, axis=0)[:sessions] / sessions
    lag_T = np.arange(sessions)
    kernel_T = (1 - lag_T / sessions) * stays**lag_T + lag_T / sessions * stays ** (sessions - lag_T)
    kernel_T[0] = 0.5
    variance_N = 2 * (kernel_T[:, None] * covariance_TN).sum(axis=0)
    moves_N = np.ptp(x_TN, axis=0) > 0
    scale_N: Floats = np.sqrt(np.where(moves_N, np.maximum(variance_N, 0.0), 0.0))
    return scale_N


def _reality_check(drawn_RN: Floats, mean_N: Floats) -> float:
    if not len(mean_N):
        return 1.0
    return float(((drawn_RN - mean_N).max(axis=1) >= mean_N.max()).mean())


def _check(lead_TN: Floats) -> None:
    if lead_TN.ndim != 2 or not lead_TN.shape[1]:
        raise ValueError(f"leads were of shape {lead_TN.shape}; give sessions by trials, and at least one trial")
    if len(lead_TN) < FEWEST:
        raise ValueError(f"{len(lead_TN)} sessions are too few to test a lead, at least {FEWEST} are needed")
    if not np.isfinite(lead_TN).all():
        raise ValueError(f"{int((~np.isfinite(lead_TN)).sum())} leads are not finite; leave their sessions out")
    frozen = (np.ptp(lead_TN, axis=0) == 0) & (lead_TN[0] != 0)
    if frozen.any():
        raise ValueError(f"the lead of trial {int(np.argmax(frozen))} never changes: it has no noise to be tested with")
