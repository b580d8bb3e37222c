"""Extremes: highest and lowest value of each window and where they stand, decided half by half."""
# S securities, T sessions, K asks, L windows and their halves

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assets.factors.ask import Ask
from assets.factors.halves import Places, halves_for
from assets.factors.rounding import SAME

Wide = NDArray[np.float64]
VALUE, PLACE = 0, 1


def highest(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """VALUE or PLACE of the highest value of each ask's window, [K, S, T]; NaN where it holds none.

    inputs  values [S, T], NaN and infinite ones missing; 1 or 0 [S, T], whether the session is one of the security
    PLACE   counts the security's sessions in the window from 1, the earliest of equals first. As in Qlib a session of
            the security without a value counts as the highest there is
    """
    return _found(inputs, asks, 1.0)


def lowest(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """The same of the lowest value; a session without a value counts as the lowest there is."""
    return _found(inputs, asks, -1.0)


def _found(inputs: Sequence[Wide], asks: Sequence[Ask], sign: float) -> Wide:
    values_ST, listed_ST = inputs
    plan = halves_for(asks)
    found_KST = np.empty((len(asks), *values_ST.shape))
    _extremes(
        values_ST,
        listed_ST,
        sign,
        SAME,
        plan.lengths,
        plan.later,
        plan.earlier,
        plan.statistics,
        plan.levels,
        found_KST,
    )
    return found_KST


@njit(cache=True, nogil=True, error_model="numpy")
def _extremes(
    values_ST: Wide,
    listed_ST: Wide,
    sign: float,
    same: float,
    lengths: Places,
    later: Places,
    earlier: Places,
    statistics: Places,
    levels: Places,
    found_KST: Wide,
) -> None:
    """`known` is the highest value, `top` the highest with holes, `after` the security's sessions that follow it."""
    securities, sessions = values_ST.shape
    shape = (len(lengths), sessions)
    known_LT, top_LT, after_LT, listed_LT = np.empty(shape), np.empty(shape), np.empty(shape), np.empty(shape)
    for row in range(securities):
        for t in range(sessions):
            value, is_known = sign * values_ST[row, t], np.isfinite(values_ST[row, t])
            is_hole = listed_ST[row, t] > 0.0
            known_LT[0, t] = value if is_known else -np.inf
            top_LT[0, t] = value if is_known else (np.inf if is_hole else -np.inf)
            after_LT[0, t] = 0.0
            listed_LT[0, t] = listed_ST[row, t]
        for level in range(1, len(lengths)):
            a, b, gap = later[level], earlier[level], lengths[later[level]]
            _larger(known_LT[a], known_LT[b], gap, known_LT[level])
            _follow(after_LT[a], after_LT[b], listed_LT[a], top_LT[a], top_LT[b], gap, same, after_LT[level])
            _larger(top_LT[a], top_LT[b], gap, top_LT[level])
            _add(listed_LT[a], listed_LT[b], gap, listed_LT[level])
        for k in range(len(levels)):
            at, found_T = levels[k], found_KST[k, row]
            for t in range(sessions):
                found_T[t] = sign * known_LT[at, t] if known_LT[at, t] > -np.inf else np.nan
            if statistics[k] == PLACE:
                for t in range(sessions):
                    found_T[t] = listed_LT[at, t] - after_LT[at, t] if known_LT[at, t] > -np.inf else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _larger(later_T: Wide, earlier_T: Wide, gap: int, whole_T: Wide) -> None:
    whole_T[:gap] = later_T[:gap]
    ends_T, whole_T = later_T[gap:], whole_T[gap:]
    for t in range(len(whole_T)):
        whole_T[t] = earlier_T[t] if earlier_T[t] > ends_T[t] else ends_T[t]


@njit(cache=True, nogil=True, error_model="numpy")
def _add(later_T: Wide, earlier_T: Wide, gap: int, whole_T: Wide) -> None:
    whole_T[:gap] = later_T[:gap]
    ends_T, whole_T = later_T[gap:], whole_T[gap:]
    for t in range(len(whole_T)):
        whole_T[t] = ends_T[t] + earlier_T[t]


@njit(cache=True, nogil=True, error_model="numpy")
def _follow(
    later_T: Wide,
    earlier_T: Wide,
    listed_T: Wide,
    top_later_T: Wide,
    top_earlier_T: Wide,
    gap: int,
    same: float,
    whole_T: Wide,
) -> None:
    """Sessions after the top: of equal tops the earlier one counts, and the whole later half follows it."""
    whole_T[:gap] = later_T[:gap]
    ends_T, listed_T, top_T, whole_T = later_T[gap:], listed_T[gap:], top_later_T[gap:], whole_T[gap:]
    for t in range(len(whole_T)):
        # An infinite top stands for a hole, or for no session at all; it has no distance to anything.
        nearly = top_T[t] - same * abs(top_T[t]) if abs(top_T[t]) < np.inf else top_T[t]
        whole_T[t] = earlier_T[t] + listed_T[t] if top_earlier_T[t] >= nearly else ends_T[t]
