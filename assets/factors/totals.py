"""Totals: sum and mean of each window, added up half by half."""
# S securities, T sessions, K asks, L windows and their halves

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assets.factors.ask import Ask
from assets.factors.counts import count_held, count_known
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
    known_T1, count_T = np.empty(sessions + 1), np.empty(sessions)
    sum_LT = np.empty((len(lengths), sessions))
    for row in range(securities):
        count_known(values_ST[row], known_T1)
        _single(values_ST[row], sum_LT[0])
        for level in range(1, len(lengths)):
            _add(sum_LT[later[level]], sum_LT[earlier[level]], lengths[later[level]], sum_LT[level])
        for k in range(len(levels)):
            count_held(known_T1, lengths[levels[k]], count_T)
            _told(count_T, sum_LT[levels[k]], statistics[k], found_KST[k, row])


@njit(cache=True, nogil=True, error_model="numpy")
def _single(values_T: Wide, sum_T: Wide) -> None:
    for t in range(len(values_T)):
        sum_T[t] = values_T[t] if np.isfinite(values_T[t]) else 0.0


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
