"""Quantiles: read off a window that is kept in order.

When the window moves, one value leaves and one enters. Every place finds its new value from its old neighbours and
these two alone, so that a window moves in a few steps of the vector unit and without a branch. What is kept is a set of
values and no sum, so it does not depend on where the data begin.
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
"""The ordered window is padded with infinity to a multiple of this, so that it fills the vector unit."""
ONE, TWO = np.uint64(1), np.uint64(2)
"""Indices without a sign cannot count from the end, so that the compiler need not look."""


def quantiles(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """The value below which the share of each ask's window lies, [K, S, T], linear between the two nearest.

    inputs   one array [S, T]; NaN and infinite values count as missing
    returns  NaN where the window holds no value
    """
    (values_ST,) = inputs
    windows = np.array(sorted({ask.window for ask in asks}), dtype=np.int64)
    levels = np.searchsorted(windows, [ask.window for ask in asks])
    shares = np.array([ask.share for ask in asks], dtype=np.float64)
    found_KST = np.empty((len(asks), *values_ST.shape))
    _quantiles(values_ST, windows, levels, shares, found_KST)
    return found_KST


@njit(cache=True, nogil=True, error_model="numpy")
def _quantiles(
    values_ST: Wide, windows: NDArray[np.int64], levels: NDArray[np.int64], shares: Wide, found_KST: Wide
) -> None:
    """All windows move on together: a place is long written before it is read again."""
    securities, sessions = values_ST.shape
    blocks = (windows + LANES - 1) // LANES
    room = blocks.max() * LANES + 2
    ordered = np.empty(2 * len(windows) * room)
    held = np.empty(len(windows), dtype=np.int64)
    for row in range(securities):
        ordered[:] = np.inf
        ordered[::room] = -np.inf
        held[:] = 0
        for t in range(sessions):
            value = _value(values_ST[row, t])
            for w in range(len(windows)):
                gone = _value(values_ST[row, t - windows[w]]) if t >= windows[w] else np.inf
                old, new = (2 * w + t % 2) * room, (2 * w + 1 - t % 2) * room
                _move(ordered, np.uint64(old), np.uint64(new), blocks[w] * LANES, value, gone)
                held[w] += int(value < np.inf) - int(gone < np.inf)
            for k in range(len(levels)):
                new = (2 * levels[k] + 1 - t % 2) * room + 1
                found_KST[k, row, t] = _quantile(ordered, new, held[levels[k]], shares[k])


@njit(cache=True, nogil=True, error_model="numpy")
def _value(value: float) -> float:
    """What is missing stands behind all others; the two zeros are one."""
    return value + 0.0 if np.isfinite(value) else np.inf


@njit(cache=True, nogil=True, error_model="numpy")
def _move(ordered: Wide, old: np.uint64, new: np.uint64, length: int, value: float, gone: float) -> None:
    """The window in order after `gone` has left it and `value` has entered; it lies between infinities."""
    for i in range(np.uint64(length)):
        first, second, third = ordered[old + i], ordered[old + i + ONE], ordered[old + i + TWO]
        # What stands here and one place before, once the one that leaves has let those behind it move up.
        here = second if second < gone else third
        before = first if first < gone else second
        enters = value if value > before else before
        ordered[new + ONE + i] = enters if enters < here else here


@njit(cache=True, nogil=True, error_model="numpy")
def _quantile(ordered: Wide, start: int, held: int, share: float) -> float:
    if held == 0:
        return np.nan
    place = share * (held - 1)
    below = int(place)
    part = place - below
    low: float = ordered[start + below]
    return low + (ordered[start + below + 1] - low) * part if part > 0.0 else low
