"""Coverage: how often an interval holds the true mean of noise whose neighbours overlap, as labels of h sessions do."""
# R draws, T sessions

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.bootstrap import paired
from assets.evaluation.intervals import interval, standard_errors

Floats = NDArray[np.float64]

SESSIONS, DRAWS, FEWER = 480, 4000, 500
Z_95 = 1.959964


def moving_sums(draws: int, sessions: int, horizon: int, seed: int = 0) -> Floats:
    """MA(h - 1) noise of mean 0, [R, T]: sums of `horizon` independent normal steps."""
    steps = np.random.default_rng(seed).standard_normal((draws, sessions + horizon))
    sums = np.cumsum(steps, axis=1)
    found: Floats = sums[:, horizon:] - sums[:, :-horizon]
    return found


def coverage(horizon: int, draws: int = DRAWS, sessions: int = SESSIONS) -> float:
    """Share of the 95% intervals of `intervals.interval` that hold 0."""
    found = [interval(x_T, horizon) for x_T in moving_sums(draws, sessions, horizon)]
    return float(np.mean([one.lower <= 0 <= one.upper for one in found]))


def coverage_of_overlap(horizon: int, draws: int = DRAWS, sessions: int = SESSIONS) -> float:
    """The same with a lag of the overlap alone and a normal critical value (Newey, West 1987): too little."""
    x_RT = moving_sums(draws, sessions, horizon)
    reach_R = Z_95 * standard_errors(x_RT, horizon - 1)
    return float((np.abs(x_RT.mean(axis=1)) <= reach_R).mean())


def coverage_of_bootstrap(horizon: int, draws: int = FEWER, sessions: int = SESSIONS) -> float:
    """The same for `bootstrap.paired`, whose block length is chosen anew for each draw."""
    nothing_T = np.zeros(sessions)
    found = [paired(x_T, nothing_T, draws=500) for x_T in moving_sums(draws, sessions, horizon)]
    return float(np.mean([one.lower <= 0 <= one.upper for one in found]))
