"""Counts: how many values each window holds.

The number of values up to a session less the number up to the window's start: whole numbers, so that a running count is
exact wherever the data begin, which no running sum would be.
"""
# T sessions

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

Wide = NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def count_known(values_T: Wide, known_T1: Wide) -> None:
    """Values before each session, and before the end; NaN and infinite ones are none."""
    known = 0
    known_T1[0] = 0.0
    for t in range(len(values_T)):
        known += 1 if np.isfinite(values_T[t]) else 0
        known_T1[t + 1] = known


@njit(cache=True, nogil=True, error_model="numpy")
def count_held(known_T1: Wide, window: int, count_T: Wide) -> None:
    """Values in the window that ends at each session."""
    young = min(window, len(count_T))
    count_T[:young] = known_T1[1 : young + 1]
    count_T, until_T = count_T[young:], known_T1[young + 1 :]
    for t in range(len(count_T)):
        count_T[t] = until_T[t] - known_T1[t + 1]
