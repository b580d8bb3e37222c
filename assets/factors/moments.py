"""Moments: deviation, trend and correlation of each window, merged half by half.

Each half brings its count, its means and its sums of squares and products about its own means; two halves are merged by
the distance of their means (Chan, Golub and LeVeque, 1979). No origin is chosen and nothing large is subtracted, so a
window of nearly equal prices keeps its digits, and equal ones have a deviation of exactly 0.
"""
# S securities, T sessions, K asks, L windows and their halves

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assets.factors.ask import Ask
from assets.factors.halves import Places, halves_for

Wide = NDArray[np.float64]
STD = 0
CORR = 0
SLOPE, RSQUARE, RESI = 0, 1, 2


def deviations(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """Sample standard deviation (ddof 1) of each ask, [K, S, T]; NaN where its window holds fewer than two values.

    inputs  one array [S, T]; NaN and infinite values count as missing
    """
    (values_ST,) = inputs
    plan = halves_for(asks)
    found_KST = np.empty((len(asks), *values_ST.shape))
    _deviations(values_ST, plan.lengths, plan.later, plan.earlier, plan.levels, found_KST)
    return found_KST


def trends(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """SLOPE, RSQUARE or RESI of each ask, [K, S, T], of the line through the values of the window over its sessions.

    inputs   values [S, T], of which NaN and infinite ones count as missing, and the deviation [S, T] down to which
             there is no RSQUARE
    returns  slope per session, share of the variance, and the session's own value less the line's; NaN below two
             values, RESI also where the session has none
    """
    values_ST, still_ST = inputs
    plan = halves_for(asks)
    found_KST = np.empty((len(asks), *values_ST.shape))
    _trends(values_ST, still_ST, plan.lengths, plan.later, plan.earlier, plan.statistics, plan.levels, found_KST)
    return found_KST


def correlations(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """Correlation of two series over the sessions of each ask's window that have both, [K, S, T].

    inputs   both series [S, T], of which NaN and infinite values count as missing, and for each the deviation [S, T]
             down to which there is none
    returns  NaN below two pairs and where one of the two stands still
    """
    left_ST, right_ST, still_left_ST, still_right_ST = inputs
    plan = halves_for(asks)
    found_KST = np.empty((len(asks), *left_ST.shape))
    _correlations(
        left_ST, right_ST, still_left_ST, still_right_ST, plan.lengths, plan.later, plan.earlier, plan.levels, found_KST
    )
    return found_KST


@njit(cache=True, nogil=True, error_model="numpy")
def _deviations(
    values_ST: Wide, lengths: Places, later: Places, earlier: Places, levels: Places, found_KST: Wide
) -> None:
    securities, sessions = values_ST.shape
    count_LT, mean_LT, square_LT = _zeros(len(lengths), sessions)
    scratch_4T = np.empty((4, sessions))
    for row in range(securities):
        for t in range(sessions):
            is_known = np.isfinite(values_ST[row, t])
            count_LT[0, t] = 1.0 if is_known else 0.0
            mean_LT[0, t] = values_ST[row, t] if is_known else 0.0
        for level in range(1, len(lengths)):
            a, b, gap = later[level], earlier[level], lengths[later[level]]
            weight_T, common_T = _weigh(count_LT[a], count_LT[b], gap, count_LT[level], scratch_4T)
            apart_T = _centre(mean_LT[a], mean_LT[b], gap, 0.0, weight_T, mean_LT[level], scratch_4T[2])
            _merge(square_LT[a], square_LT[b], gap, apart_T, apart_T, common_T, square_LT[level])
        for k in range(len(levels)):
            _deviation(count_LT[levels[k]], square_LT[levels[k]], found_KST[k, row])


@njit(cache=True, nogil=True, error_model="numpy")
def _trends(
    values_ST: Wide,
    still_ST: Wide,
    lengths: Places,
    later: Places,
    earlier: Places,
    statistics: Places,
    levels: Places,
    found_KST: Wide,
) -> None:
    """The place of a session in its window counts back from the end: 0, -1, -2 and so on."""
    securities, sessions = values_ST.shape
    count_LT, mean_LT, square_LT = _zeros(len(lengths), sessions)
    place_LT, spread_LT, product_LT = _zeros(len(lengths), sessions)
    scratch_4T = np.empty((4, sessions))
    for row in range(securities):
        for t in range(sessions):
            is_known = np.isfinite(values_ST[row, t])
            count_LT[0, t] = 1.0 if is_known else 0.0
            mean_LT[0, t] = values_ST[row, t] if is_known else 0.0
        for level in range(1, len(lengths)):
            a, b, gap = later[level], earlier[level], lengths[later[level]]
            weight_T, common_T = _weigh(count_LT[a], count_LT[b], gap, count_LT[level], scratch_4T)
            up_T = _centre(mean_LT[a], mean_LT[b], gap, 0.0, weight_T, mean_LT[level], scratch_4T[2])
            back_T = _centre(place_LT[a], place_LT[b], gap, float(gap), weight_T, place_LT[level], scratch_4T[3])
            _merge(square_LT[a], square_LT[b], gap, up_T, up_T, common_T, square_LT[level])
            _merge(spread_LT[a], spread_LT[b], gap, back_T, back_T, common_T, spread_LT[level])
            _merge(product_LT[a], product_LT[b], gap, up_T, back_T, common_T, product_LT[level])
        for k in range(len(levels)):
            at = levels[k]
            if statistics[k] == SLOPE:
                _slope(product_LT[at], spread_LT[at], found_KST[k, row])
            elif statistics[k] == RESI:
                _slope(product_LT[at], spread_LT[at], found_KST[k, row])
                _residual(values_ST[row], mean_LT[at], place_LT[at], found_KST[k, row])
            else:
                _likeness(product_LT[at], spread_LT[at], square_LT[at], found_KST[k, row])
                for t in range(sessions):
                    found_KST[k, row, t] *= found_KST[k, row, t]
                _refuse_still(count_LT[at], square_LT[at], still_ST[row], found_KST[k, row])


@njit(cache=True, nogil=True, error_model="numpy")
def _correlations(
    left_ST: Wide,
    right_ST: Wide,
    still_left_ST: Wide,
    still_right_ST: Wide,
    lengths: Places,
    later: Places,
    earlier: Places,
    levels: Places,
    found_KST: Wide,
) -> None:
    securities, sessions = left_ST.shape
    count_LT, left_LT, left_square_LT = _zeros(len(lengths), sessions)
    right_LT, right_square_LT, product_LT = _zeros(len(lengths), sessions)
    scratch_4T = np.empty((4, sessions))
    for row in range(securities):
        for t in range(sessions):
            is_known = np.isfinite(left_ST[row, t]) and np.isfinite(right_ST[row, t])
            count_LT[0, t] = 1.0 if is_known else 0.0
            left_LT[0, t] = left_ST[row, t] if is_known else 0.0
            right_LT[0, t] = right_ST[row, t] if is_known else 0.0
        for level in range(1, len(lengths)):
            a, b, gap = later[level], earlier[level], lengths[later[level]]
            weight_T, common_T = _weigh(count_LT[a], count_LT[b], gap, count_LT[level], scratch_4T)
            one_T = _centre(left_LT[a], left_LT[b], gap, 0.0, weight_T, left_LT[level], scratch_4T[2])
            two_T = _centre(right_LT[a], right_LT[b], gap, 0.0, weight_T, right_LT[level], scratch_4T[3])
            _merge(left_square_LT[a], left_square_LT[b], gap, one_T, one_T, common_T, left_square_LT[level])
            _merge(right_square_LT[a], right_square_LT[b], gap, two_T, two_T, common_T, right_square_LT[level])
            _merge(product_LT[a], product_LT[b], gap, one_T, two_T, common_T, product_LT[level])
        for k in range(len(levels)):
            at = levels[k]
            _likeness(product_LT[at], left_square_LT[at], right_square_LT[at], found_KST[k, row])
            _refuse_still(count_LT[at], left_square_LT[at], still_left_ST[row], found_KST[k, row])
            _refuse_still(count_LT[at], right_square_LT[at], still_right_ST[row], found_KST[k, row])


@njit(cache=True, nogil=True, error_model="numpy")
def _zeros(windows: int, sessions: int) -> tuple[Wide, Wide, Wide]:
    """Room for three moments of all windows; the squares and products of a single session stay 0."""
    return np.zeros((windows, sessions)), np.zeros((windows, sessions)), np.zeros((windows, sessions))


# Each step has few arrays: with more, the compiler does not prove them apart and leaves the vector unit.


@njit(cache=True, nogil=True, error_model="numpy")
def _weigh(later_T: Wide, earlier_T: Wide, gap: int, count_T: Wide, scratch_4T: Wide) -> tuple[Wide, Wide]:
    """Count of both halves; returns the share of the earlier one, and it times the count of the later one."""
    count_T[:gap] = later_T[:gap]
    ends_T, count_T = later_T[gap:], count_T[gap:]
    weight_T, common_T = scratch_4T[0, gap:], scratch_4T[1, gap:]
    for t in range(len(count_T)):
        both = ends_T[t] + earlier_T[t]
        count_T[t] = both
        weight_T[t] = earlier_T[t] / max(both, 1.0)
    for t in range(len(count_T)):
        common_T[t] = ends_T[t] * weight_T[t]
    return weight_T, common_T


@njit(cache=True, nogil=True, error_model="numpy")
def _centre(later_T: Wide, earlier_T: Wide, gap: int, back: float, weight_T: Wide, mean_T: Wide, apart_T: Wide) -> Wide:
    """Mean of both halves; returns how far the earlier one, moved `back`, lies from the later one."""
    mean_T[:gap] = later_T[:gap]
    ends_T, mean_T, apart_T = later_T[gap:], mean_T[gap:], apart_T[gap:]
    for t in range(len(mean_T)):
        apart = earlier_T[t] - back - ends_T[t]
        apart_T[t] = apart
        mean_T[t] = ends_T[t] + apart * weight_T[t]
    return apart_T


@njit(cache=True, nogil=True, error_model="numpy")
def _merge(later_T: Wide, earlier_T: Wide, gap: int, one_T: Wide, two_T: Wide, common_T: Wide, whole_T: Wide) -> None:
    """Sum of products of both halves about the common means."""
    whole_T[:gap] = later_T[:gap]
    ends_T, whole_T = later_T[gap:], whole_T[gap:]
    for t in range(len(whole_T)):
        whole_T[t] = ends_T[t] + earlier_T[t] + one_T[t] * two_T[t] * common_T[t]


@njit(cache=True, nogil=True, error_model="numpy")
def _deviation(count_T: Wide, square_T: Wide, found_T: Wide) -> None:
    for t in range(len(found_T)):
        found_T[t] = np.sqrt(square_T[t] / (count_T[t] - 1.0)) if count_T[t] > 1.0 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _slope(product_T: Wide, spread_T: Wide, found_T: Wide) -> None:
    for t in range(len(found_T)):
        found_T[t] = product_T[t] / spread_T[t]


@njit(cache=True, nogil=True, error_model="numpy")
def _residual(values_T: Wide, mean_T: Wide, place_T: Wide, found_T: Wide) -> None:
    for t in range(len(found_T)):
        found_T[t] = values_T[t] - (mean_T[t] - found_T[t] * place_T[t])


@njit(cache=True, nogil=True, error_model="numpy")
def _likeness(product_T: Wide, one_T: Wide, two_T: Wide, found_T: Wide) -> None:
    for t in range(len(found_T)):
        found_T[t] = product_T[t] / (np.sqrt(one_T[t]) * np.sqrt(two_T[t]))


@njit(cache=True, nogil=True, error_model="numpy")
def _refuse_still(count_T: Wide, square_T: Wide, still_T: Wide, found_T: Wide) -> None:
    for t in range(len(found_T)):
        if square_T[t] <= still_T[t] * still_T[t] * (count_T[t] - 1.0):
            found_T[t] = np.nan
