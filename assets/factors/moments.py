"""Moments: deviation, trend and correlation of each window, merged half by half.

Each half brings its count, its means and its sums of squares and products about its own means; two halves are merged by
the distance of their means (Chan, Golub and LeVeque, 1979). No origin is chosen and nothing large is subtracted, so a
window of nearly equal prices keeps its digits, and equal ones have a deviation of exactly 0.
"""
# S securities, T sessions, K asks, L windows and their halves, M moments

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assets.factors.ask import Ask
from assets.factors.halves import Places, halves_for

Wide = NDArray[np.float64]
CORR = 0
SLOPE, RSQUARE, RESI, STD = 0, 1, 2, 3
COUNT, MEAN, SQUARE, OTHER_MEAN, OTHER_SQUARE, PRODUCT = range(6)
"""The moments of a window; those after SQUARE are of the second series, or of both."""


def lines(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """SLOPE, RSQUARE or RESI of each ask, [K, S, T], of the line through the values of the window over its sessions.

    inputs   values [S, T], of which NaN and infinite ones count as missing, and the deviation [S, T] down to which
             there is no RSQUARE
    returns  slope per session, share of the variance, the session's own value less the line's, and STD, the sample
             deviation (ddof 1) of the values; NaN below two values, RESI also where the session has none
    """
    values_ST, still_ST = inputs
    plan = halves_for(asks)
    found_KST = np.empty((len(asks), *values_ST.shape))
    merge = _lines if any(ask.statistic != STD for ask in asks) else _deviations
    merge(values_ST, still_ST, plan.lengths, plan.later, plan.earlier, plan.statistics, plan.levels, found_KST)
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
    values_ST: Wide,
    _: Wide,
    lengths: Places,
    later: Places,
    earlier: Places,
    statistics: Places,
    levels: Places,
    found_KST: Wide,
) -> None:
    """Of a single series only the first three moments are needed."""
    securities, sessions = values_ST.shape
    moments_MLT = np.zeros((3, len(lengths), sessions))
    for row in range(securities):
        _single(values_ST[row], moments_MLT)
        for level in range(1, len(lengths)):
            _merge_one(moments_MLT, later[level], earlier[level], level, lengths[later[level]])
        for k in range(len(levels)):
            _deviation(moments_MLT, levels[k], found_KST[k, row])


@njit(cache=True, nogil=True, error_model="numpy")
def _lines(
    values_ST: Wide,
    still_ST: Wide,
    lengths: Places,
    later: Places,
    earlier: Places,
    statistics: Places,
    levels: Places,
    found_KST: Wide,
) -> None:
    """The other series is the place of a session in its window, counted back from the end: 0, -1, -2 and so on."""
    securities, sessions = values_ST.shape
    moments_MLT = np.zeros((6, len(lengths), sessions))
    for row in range(securities):
        _single(values_ST[row], moments_MLT)
        for level in range(1, len(lengths)):
            gap = lengths[later[level]]
            _merge_two(moments_MLT, later[level], earlier[level], level, gap, float(gap))
        for k in range(len(levels)):
            if statistics[k] == SLOPE:
                _slope(moments_MLT, levels[k], found_KST[k, row])
            elif statistics[k] == RESI:
                _slope(moments_MLT, levels[k], found_KST[k, row])
                _residual(values_ST[row], moments_MLT, levels[k], found_KST[k, row])
            elif statistics[k] == RSQUARE:
                _determination(moments_MLT, levels[k], still_ST[row], found_KST[k, row])
            else:
                _deviation(moments_MLT, levels[k], found_KST[k, row])


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
    moments_MLT = np.zeros((6, len(lengths), sessions))
    for row in range(securities):
        _pair(left_ST[row], right_ST[row], moments_MLT)
        for level in range(1, len(lengths)):
            _merge_two(moments_MLT, later[level], earlier[level], level, lengths[later[level]], 0.0)
        for k in range(len(levels)):
            _likeness(moments_MLT, levels[k], still_left_ST[row], still_right_ST[row], found_KST[k, row])


@njit(cache=True, nogil=True, error_model="numpy")
def _single(values_T: Wide, moments_MLT: Wide) -> None:
    """Windows of one session; their squares and products stay 0."""
    count_T, mean_T = moments_MLT[COUNT, 0], moments_MLT[MEAN, 0]
    for t in range(len(values_T)):
        is_known = np.isfinite(values_T[t])
        count_T[t] = 1.0 if is_known else 0.0
        mean_T[t] = values_T[t] if is_known else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def _pair(left_T: Wide, right_T: Wide, moments_MLT: Wide) -> None:
    count_T, mean_T, other_T = moments_MLT[COUNT, 0], moments_MLT[MEAN, 0], moments_MLT[OTHER_MEAN, 0]
    for t in range(len(left_T)):
        is_known = np.isfinite(left_T[t]) and np.isfinite(right_T[t])
        count_T[t] = 1.0 if is_known else 0.0
        mean_T[t] = left_T[t] if is_known else 0.0
        other_T[t] = right_T[t] if is_known else 0.0


# One loop merges all moments, so that what they share stays in registers; the slices are taken before it, since with
# indices of three dimensions inside it the compiler leaves the vector unit.


@njit(cache=True, nogil=True, error_model="numpy")
def _merge_one(moments_MLT: Wide, later: int, earlier: int, level: int, gap: int) -> None:
    """Moments of a window of one series, out of those of its later half and of the earlier one, `gap` before."""
    moments_MLT[:, level, :gap] = moments_MLT[:, later, :gap]
    ours_T, their_T, count_T = _halves(moments_MLT[COUNT], later, earlier, level, gap)
    our_mean_T, their_mean_T, mean_T = _halves(moments_MLT[MEAN], later, earlier, level, gap)
    our_square_T, their_square_T, square_T = _halves(moments_MLT[SQUARE], later, earlier, level, gap)
    for t in range(len(count_T)):
        both = ours_T[t] + their_T[t]
        weight = their_T[t] / max(both, 1.0)
        apart = their_mean_T[t] - our_mean_T[t]
        count_T[t] = both
        mean_T[t] = our_mean_T[t] + apart * weight
        square_T[t] = our_square_T[t] + their_square_T[t] + apart * apart * (ours_T[t] * weight)


@njit(cache=True, nogil=True, error_model="numpy")
def _merge_two(moments_MLT: Wide, later: int, earlier: int, level: int, gap: int, back: float) -> None:
    """The same for two series; values of the other one lie `back` lower in the earlier half."""
    moments_MLT[:, level, :gap] = moments_MLT[:, later, :gap]
    ours_T, their_T, count_T = _halves(moments_MLT[COUNT], later, earlier, level, gap)
    our_mean_T, their_mean_T, mean_T = _halves(moments_MLT[MEAN], later, earlier, level, gap)
    our_other_T, their_other_T, other_T = _halves(moments_MLT[OTHER_MEAN], later, earlier, level, gap)
    our_square_T, their_square_T, square_T = _halves(moments_MLT[SQUARE], later, earlier, level, gap)
    our_spread_T, their_spread_T, spread_T = _halves(moments_MLT[OTHER_SQUARE], later, earlier, level, gap)
    our_product_T, their_product_T, product_T = _halves(moments_MLT[PRODUCT], later, earlier, level, gap)
    for t in range(len(count_T)):
        both = ours_T[t] + their_T[t]
        weight = their_T[t] / max(both, 1.0)
        common = ours_T[t] * weight
        one, two = their_mean_T[t] - our_mean_T[t], their_other_T[t] - back - our_other_T[t]
        count_T[t] = both
        mean_T[t] = our_mean_T[t] + one * weight
        other_T[t] = our_other_T[t] + two * weight
        square_T[t] = our_square_T[t] + their_square_T[t] + one * one * common
        spread_T[t] = our_spread_T[t] + their_spread_T[t] + two * two * common
        product_T[t] = our_product_T[t] + their_product_T[t] + one * two * common


@njit(cache=True, nogil=True, error_model="numpy")
def _halves(moment_LT: Wide, later: int, earlier: int, level: int, gap: int) -> tuple[Wide, Wide, Wide]:
    """One moment of the later half, of the earlier half and of the window, wherever there are both halves."""
    return moment_LT[later, gap:], moment_LT[earlier], moment_LT[level, gap:]


@njit(cache=True, nogil=True, error_model="numpy")
def _deviation(moments_MLT: Wide, level: int, found_T: Wide) -> None:
    count_T, square_T = moments_MLT[COUNT, level], moments_MLT[SQUARE, level]
    for t in range(len(found_T)):
        found_T[t] = np.sqrt(square_T[t] / (count_T[t] - 1.0)) if count_T[t] > 1.0 else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _slope(moments_MLT: Wide, level: int, found_T: Wide) -> None:
    product_T, spread_T = moments_MLT[PRODUCT, level], moments_MLT[OTHER_SQUARE, level]
    for t in range(len(found_T)):
        found_T[t] = product_T[t] / spread_T[t]


@njit(cache=True, nogil=True, error_model="numpy")
def _residual(values_T: Wide, moments_MLT: Wide, level: int, found_T: Wide) -> None:
    mean_T, place_T = moments_MLT[MEAN, level], moments_MLT[OTHER_MEAN, level]
    for t in range(len(found_T)):
        found_T[t] = values_T[t] - (mean_T[t] - found_T[t] * place_T[t])


@njit(cache=True, nogil=True, error_model="numpy")
def _determination(moments_MLT: Wide, level: int, still_T: Wide, found_T: Wide) -> None:
    """Share of the variance of the values that their places explain."""
    count_T, square_T = moments_MLT[COUNT, level], moments_MLT[SQUARE, level]
    spread_T, product_T = moments_MLT[OTHER_SQUARE, level], moments_MLT[PRODUCT, level]
    for t in range(len(found_T)):
        share = product_T[t] * product_T[t] / (spread_T[t] * square_T[t])
        found_T[t] = np.nan if square_T[t] <= still_T[t] * still_T[t] * (count_T[t] - 1.0) else share


@njit(cache=True, nogil=True, error_model="numpy")
def _likeness(moments_MLT: Wide, level: int, still_one_T: Wide, still_two_T: Wide, found_T: Wide) -> None:
    count_T, product_T = moments_MLT[COUNT, level], moments_MLT[PRODUCT, level]
    one_T, two_T = moments_MLT[SQUARE, level], moments_MLT[OTHER_SQUARE, level]
    for t in range(len(found_T)):
        likeness = product_T[t] / np.sqrt(one_T[t] * two_T[t])
        more = count_T[t] - 1.0
        stands = one_T[t] <= still_one_T[t] * still_one_T[t] * more
        stands |= two_T[t] <= still_two_T[t] * still_two_T[t] * more
        found_T[t] = np.nan if stands else likeness
