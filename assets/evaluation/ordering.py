"""Ordering: ranks within each session, whole or within groups of its names, and the correlation of two of them.

A matrix is sorted once; ranks among any part of its cells then cost one sort of small whole numbers. Sums of ranks are
exact, so that no order of terms changes a bit.
"""
# T sessions, S securities, G groups

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
Groups = NDArray[np.int16]

LEFT_OUT = np.int16(-1)
_LAST = np.iinfo(np.int16).max


@dataclass(frozen=True)
class Ordered:
    """A matrix of values and, for each session, the places of its names from the lowest value to the highest."""

    values_TS: Floats
    order_TS: Places

    def ranks(self, group_TS: Groups) -> Floats:
        """Rank of each cell among those of its session and group, [T, S], from 1, ties at their average.

        group_TS  number of the group of each cell, -1 where a cell counts nowhere: its rank is NaN, as is that of NaN
        """
        counted_TS = (group_TS >= 0) & ~np.isnan(self.values_TS)
        groups_TS = np.take_along_axis(np.where(counted_TS, group_TS, _LAST), self.order_TS, axis=1)
        within_TS = np.argsort(groups_TS, axis=1, kind="stable")
        order_TS = np.take_along_axis(self.order_TS, within_TS, axis=1)
        groups_TS = np.take_along_axis(groups_TS, within_TS, axis=1)
        values_TS = np.take_along_axis(self.values_TS, order_TS, axis=1)
        opens_TS = _differs(groups_TS)
        first_TS, last_TS = _runs(opens_TS | _differs(values_TS))
        place_TS = (first_TS + last_TS) / 2 - _runs(opens_TS)[0] + 1
        ranks_TS = np.empty_like(self.values_TS)
        np.put_along_axis(ranks_TS, order_TS, np.where(groups_TS == _LAST, np.nan, place_TS), axis=1)
        return ranks_TS


def ordered(values_TS: Floats) -> Ordered:
    """A matrix with its order; NaN comes last, equal values in the order of the securities."""
    return Ordered(values_TS, np.argsort(values_TS, axis=1, kind="stable"))


def one_group(counts_TS: Flags) -> Groups:
    """Group 0 for the cells that count, and none for the others."""
    return np.where(counts_TS, np.int16(0), LEFT_OUT)


def tells(values_TS: Floats) -> Flags:
    """Sessions with at least two different values, [T]: one value for all tells nothing."""
    unknown_TS = np.isnan(values_TS)
    highest_T = np.where(unknown_TS, -np.inf, values_TS).max(axis=1, initial=-np.inf)
    found_T: Flags = highest_T > np.where(unknown_TS, np.inf, values_TS).min(axis=1, initial=np.inf)
    return found_T


def shares(ranks_TS: Floats) -> Floats:
    """Ranks of whole sessions as places from -1/2 to 1/2, [T, S]; NaN stays."""
    names_T1 = (~np.isnan(ranks_TS)).sum(axis=1, keepdims=True)
    shares_TS: Floats = (2 * ranks_TS - names_T1 - 1) / (2 * np.maximum(names_T1, 1))
    return shares_TS


def correlations(a_TS: Floats, b_TS: Floats, group_TS: Groups, groups: int, least: int) -> tuple[Floats, Places]:
    """Correlation of two matrices within each session and group, [T, G], and of how many names it is.

    least    names that a correlation needs; NaN below it, and where one of the two is the same for all
    """
    counted_TS = (group_TS >= 0) & ~np.isnan(a_TS) & ~np.isnan(b_TS)
    rows, columns = np.nonzero(counted_TS)
    code_N = rows * groups + group_TS[rows, columns]
    cells = len(group_TS) * groups
    count_C = np.bincount(code_N, minlength=cells)
    a_N, b_N = (_about_mean(x[rows, columns], code_N, count_C) for x in (a_TS, b_TS))
    together_C, of_a_C, of_b_C = (
        np.bincount(code_N, weights=product_N, minlength=cells) for product_N in (a_N * b_N, a_N * a_N, b_N * b_N)
    )
    told_C = (count_C >= least) & (of_a_C > 0) & (of_b_C > 0)
    found_C = np.full(cells, np.nan)
    found_C[told_C] = together_C[told_C] / np.sqrt(of_a_C[told_C] * of_b_C[told_C])
    return found_C.reshape(len(group_TS), groups), count_C.reshape(len(group_TS), groups)


def rank_correlation(x: Ordered, y: Ordered, counts_TS: Flags, least: int) -> Floats:
    """Spearman correlation of two matrices in each session, [T], over the cells that count and have both."""
    group_TS = one_group(counts_TS & ~np.isnan(x.values_TS) & ~np.isnan(y.values_TS))
    return correlations(x.ranks(group_TS), y.ranks(group_TS), group_TS, 1, least)[0][:, 0]


def _about_mean(values_N: Floats, code_N: Places, count_C: Places) -> Floats:
    mean_C = np.bincount(code_N, weights=values_N, minlength=len(count_C)) / np.maximum(count_C, 1)
    about_N: Floats = values_N - mean_C[code_N]
    return about_N


def _differs(values_TS: NDArray[np.generic]) -> Flags:
    """Cells that differ from the one before them; the first of a session does."""
    differs_TS = np.ones(values_TS.shape, dtype=bool)
    differs_TS[:, 1:] = values_TS[:, 1:] != values_TS[:, :-1]
    return differs_TS


def _runs(starts_TS: Flags) -> tuple[Places, Places]:
    """First and last place of the run that each cell lies in."""
    here_S = np.arange(starts_TS.shape[1])
    first_TS = np.maximum.accumulate(np.where(starts_TS, here_S, 0), axis=1)
    ends_TS = np.roll(starts_TS, -1, axis=1)
    ends_TS[:, -1:] = True
    last_TS = np.minimum.accumulate(np.where(ends_TS, here_S, len(here_S))[:, ::-1], axis=1)[:, ::-1]
    return first_TS, last_TS
