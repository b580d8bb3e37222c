"""Quantiles: read off a window that is kept in order.

When the window moves, one value leaves and one enters: both places are found by counting the smaller values, and only
what lies between them moves. What is kept is a set of values and no sum, so it does not depend on where the data begin.
"""
# S securities, T sessions, K asks

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assets.factors.ask import Ask

Wide = NDArray[np.float64]
QUANTILE = 0
LANES = 8
"""The ordered window is padded with infinity to a multiple of this, so that counting fills the vector unit."""


def quantiles(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """The value below which the share of each ask's window lies, [K, S, T], linear between the two nearest.

    inputs   one array [S, T]; NaN and infinite values count as missing
    returns  NaN where the window holds no value
    """
    (values_ST,) = inputs
    found_KST = np.empty((len(asks), *values_ST.shape))
    for window in sorted({ask.window for ask in asks}):
        mine = [k for k, ask in enumerate(asks) if ask.window == window]
        shares = np.array([asks[k].share for k in mine], dtype=np.float64)
        _slide(values_ST, window, LANES, np.array(mine, dtype=np.int64), shares, found_KST)
    return found_KST


@njit(cache=True, nogil=True, error_model="numpy")
def _slide(values_ST: Wide, window: int, lanes: int, asks: NDArray[np.int64], shares: Wide, found_KST: Wide) -> None:
    """One window over all sessions."""
    securities, sessions = values_ST.shape
    room = (window + lanes) // lanes * lanes
    ordered = np.empty(room + 1)
    for row in range(securities):
        ordered[:] = np.inf
        held = 0
        for t in range(sessions):
            value = values_ST[row, t]
            gone = values_ST[row, t - window] if t >= window else np.nan
            place, hole = _places(ordered, room, value, gone)
            enters, leaves = np.isfinite(value), np.isfinite(gone)
            _replace(ordered, place if enters else held, hole if leaves else held, value, enters, leaves)
            held += int(enters) - int(leaves)
            for k in range(len(asks)):
                found_KST[asks[k], row, t] = _quantile(ordered, held, shares[k])


@njit(cache=True, nogil=True, error_model="numpy")
def _places(ordered: Wide, room: int, value: float, gone: float) -> tuple[int, int]:
    """How many of the window are smaller than the value that enters, and than the one that leaves."""
    place, hole = 0, 0
    for i in range(room):
        place += 1 if ordered[i] < value else 0
        hole += 1 if ordered[i] < gone else 0
    return place, hole


@njit(cache=True, nogil=True, error_model="numpy")
def _replace(ordered: Wide, place: int, hole: int, value: float, enters: bool, leaves: bool) -> None:
    """Close the gap at `hole` towards `place` and put the value there; past the last value nothing leaves or enters."""
    if place > hole:
        place -= 1 if leaves and enters else 0
        for i in range(hole, place):
            ordered[i] = ordered[i + 1]
    else:
        for i in range(hole, place, -1):
            ordered[i] = ordered[i - 1]
    if enters:
        ordered[place] = value


@njit(cache=True, nogil=True, error_model="numpy")
def _quantile(ordered: Wide, held: int, share: float) -> float:
    if held == 0:
        return np.nan
    place = share * (held - 1)
    below = int(place)
    part = place - below
    low: float = ordered[below]
    return low + (ordered[below + 1] - low) * part if part > 0.0 else low
