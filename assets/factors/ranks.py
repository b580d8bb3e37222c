"""Ranks: where the session's own value stands among those of each window, by counting the smaller ones.

One comparison for each session of the longest window serves all shorter ones on the way, for many sessions at once.
"""
# S securities, T sessions, K asks

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assets.factors.ask import Ask
from assets.factors.counts import count_held, count_known
from assets.factors.rounding import SAME

Wide = NDArray[np.float64]
RANK = 0


def ranks(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """Rank of the session's value among those of each ask's window, over their number, [K, S, T].

    inputs   one array [S, T]; NaN and infinite values count as missing
    returns  above 0 to 1, equals share their mean rank; NaN where the session has no value
    """
    (values_ST,) = inputs
    order = np.argsort([ask.window for ask in asks], kind="stable")
    windows = np.array([asks[k].window for k in order], dtype=np.int64)
    found_KST = np.empty((len(asks), *values_ST.shape))
    _ranks(values_ST, windows, order, SAME, found_KST)
    return found_KST


@njit(cache=True, nogil=True, error_model="numpy")
def _ranks(values_ST: Wide, windows: NDArray[np.int64], order: NDArray[np.int64], same: float, found_KST: Wide) -> None:
    """Asks in order of their windows; twice the rank and the number of values are whole and counted exactly."""
    securities, sessions = values_ST.shape
    values_T, count_T, twice_T = np.empty(sessions), np.empty(sessions), np.empty(sessions)
    low_T, high_T, known_T1 = np.empty(sessions), np.empty(sessions), np.empty(sessions + 1)
    for row in range(securities):
        count_known(values_ST[row], known_T1)
        for t in range(sessions):
            values_T[t] = values_ST[row, t] if np.isfinite(values_ST[row, t]) else np.nan
            low_T[t] = values_T[t] - same * abs(values_T[t])
            high_T[t] = values_T[t] + same * abs(values_T[t])
            twice_T[t] = 2.0
        lag = 1
        for k in range(len(windows)):
            while lag < min(windows[k], sessions):
                _tally(values_T[: sessions - lag], low_T[lag:], high_T[lag:], twice_T[lag:])
                lag += 1
            count_held(known_T1, windows[k], count_T)
            found_T = found_KST[order[k], row]
            for t in range(sessions):
                found_T[t] = 0.5 * twice_T[t] / count_T[t] if values_T[t] == values_T[t] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _tally(before_T: Wide, low_T: Wide, high_T: Wide, twice_T: Wide) -> None:
    """2 for each smaller value, 1 for each equal one."""
    for t in range(len(before_T)):
        twice_T[t] += (1.0 if before_T[t] < low_T[t] else 0.0) + (1.0 if before_T[t] <= high_T[t] else 0.0)
