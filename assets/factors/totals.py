"""Totals: sum and mean of each window, added up half by half."""
# S securities, T sessions, K asks, L windows and their halves

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assets.factors.ask import Ask
from assets.factors.halves import Places, halves_for

Wide = NDArray[np.float64]
SUM, MEAN = 0, 1


def totals(inputs: Sequence[Wide], asks: Sequence[Ask]) -> Wide:
    """SUM or MEAN of each ask over the values of its window, [K, S, T]; NaN where it holds none.

    inputs  one array [S, T]; NaN and infinite values count as missing
    """
    (values_ST,) = inputs
    plan = halves_for(asks)
    found_KST = np.empty((len(asks), *values_ST.shape))
    _totals(values_ST, plan.lengths, plan.later, plan.earlier, plan.statistics, plan.levels, found_KST)
    return found_KST


@njit(cache=True, nogil=True, error_model="numpy")
def _totals(
    values_ST: Wide,
    lengths: Places,
    later: Places,
    earlier: Places,
    statistics: Places,
    levels: Places,
    found_KST: Wide,
) -> None:
    securities, sessions = values_ST.shape
    count_LT = np.empty((len(lengths), sessions))
    sum_LT = np.empty((len(lengths), sessions))
    for row in range(securities):
        for t in range(sessions):
            is_known = np.isfinite(values_ST[row, t])
            count_LT[0, t] = 1.0 if is_known else 0.0
            sum_LT[0, t] = values_ST[row, t] if is_known else 0.0
        for level in range(1, len(lengths)):
            gap = lengths[later[level]]
            _add(count_LT[later[level]], count_LT[earlier[level]], gap, count_LT[level])
            _add(sum_LT[later[level]], sum_LT[earlier[level]], gap, sum_LT[level])
        for k in range(len(levels)):
            _told(count_LT[levels[k]], sum_LT[levels[k]], statistics[k], found_KST[k, row])


@njit(cache=True, nogil=True, error_model="numpy")
def _add(later_T: Wide, earlier_T: Wide, gap: int, whole_T: Wide) -> None:
    """The later half plus the earlier one, `gap` sessions before; nothing is known before the first session."""
    whole_T[:gap] = later_T[:gap]
    ends_T, rest_T = later_T[gap:], whole_T[gap:]
    for t in range(len(rest_T)):
        rest_T[t] = ends_T[t] + earlier_T[t]


@njit(cache=True, nogil=True, error_model="numpy")
def _told(count_T: Wide, sum_T: Wide, statistic: int, found_T: Wide) -> None:
    if statistic == MEAN:
        for t in range(len(found_T)):
            found_T[t] = sum_T[t] / count_T[t]
    else:
        for t in range(len(found_T)):
            found_T[t] = sum_T[t] if count_T[t] > 0.0 else np.nan
