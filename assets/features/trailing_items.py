"""Trailing items: weighted sums over the items of a security in the sessions up to each of its rows.

Most sessions have no item, so sums go from item to item and not from session to session. Each is added up by itself,
item by item in one fixed order, so that a value is the same to the bit however many earlier items are given.
"""
# I items, R rows, L lags, K values of an item

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Trail:
    """Items beside the rows that look back on them; a place counts sessions along the calendar.

    security_I, place_I  ascending by security, then by session, then in the order in which the items shall be added
    security_R, place_R  in any order
    """

    security_I: Places
    place_I: Places
    security_R: Places
    place_R: Places

    def span(self, sessions: int) -> tuple[Places, Places]:
        """First item and end of the items in the `sessions` up to and with each row, [R] each."""
        width = 1 + max(self.place_I.max(initial=0), self.place_R.max(initial=0))
        keys_I = self.security_I * width + self.place_I
        first_R = self.security_R * width + np.maximum(self.place_R - sessions + 1, 0)
        last_R = self.security_R * width + self.place_R
        return np.searchsorted(keys_I, first_R, side="left"), np.searchsorted(keys_I, last_R, side="right")

    def sums(self, values_MK: NDArray[np.generic], weights_L: Floats, which_I: Places | None = None) -> Floats:
        """Sums [R, K] of the items' values, each times the weight of its lag in sessions; 0 where there is no item.

        which_I  place of each item's values in a table that items share; without it, item i has row i
        """
        first_R, end_R = self.span(len(weights_L))
        rows_I = np.arange(len(self.place_I)) if which_I is None else which_I
        return _sums(first_R, end_R, self.place_R, self.place_I, rows_I, values_MK, weights_L)

    def part(self, start: int, end: int) -> Trail:
        """All items beside some of the rows."""
        return replace(self, security_R=self.security_R[start:end], place_R=self.place_R[start:end])

    def since_last(self, sessions: int) -> Floats:
        """Sessions from the last item to each row, [R]; NaN where the `sessions` up to the row have none."""
        first_R, end_R = self.span(sessions)
        since_R = np.full(len(self.place_R), np.nan)
        some_R = end_R > first_R
        since_R[some_R] = self.place_R[some_R] - self.place_I[end_R[some_R] - 1]
        return since_R


@njit(cache=True)
def _sums(
    first_R: Places,
    end_R: Places,
    place_R: Places,
    place_I: Places,
    which_I: Places,
    values_MK: NDArray[np.generic],
    weights_L: Floats,
) -> Floats:
    sums_RK = np.zeros((len(first_R), values_MK.shape[1]))
    for row in range(len(first_R)):
        for item in range(first_R[row], end_R[row]):
            weight = weights_L[place_R[row] - place_I[item]]
            values = values_MK[which_I[item]]
            for column in range(len(values)):
                sums_RK[row, column] += weight * values[column]
    return sums_RK
