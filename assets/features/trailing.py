"""Trailing: sums over the last sessions of a grid, each window by itself and always in the same order of terms.

A window is put together from blocks of 1, 2, 4, 8 .. sessions, so that a sum costs a few additions however long it is,
and is the same to the bit however many earlier sessions are given.
"""
# S securities, T sessions

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Wide = NDArray[np.float64]


def trailing_sum(values_ST: Wide, window: int) -> Wide:
    """Sum over the `window` sessions up to each, [S, T]; NaN, and what lies before the first session, count as 0."""
    block_ST = np.where(np.isnan(values_ST), 0.0, values_ST)
    total_ST = np.zeros_like(block_ST)
    done, size = 0, 1
    while done < window:
        if window & size:
            total_ST[:, done:] += all_but_last(block_ST, done)
            done += size
        doubled_ST = block_ST.copy()
        doubled_ST[:, size:] += all_but_last(block_ST, size)
        block_ST, size = doubled_ST, 2 * size
    return total_ST


def trailing_count(values_ST: Wide, window: int) -> Wide:
    """Values that are not NaN in the `window` sessions up to each, [S, T]; running sums of whole numbers are exact."""
    until_ST = np.cumsum(~np.isnan(values_ST), axis=1, dtype=np.float64)
    count_ST = until_ST.copy()
    count_ST[:, window:] -= all_but_last(until_ST, window)
    return count_ST


def moved_later(values_ST: Wide, sessions: int) -> Wide:
    """Each value `sessions` later, [S, T], what was there that many sessions ago; NaN where nothing was."""
    moved_ST = np.full_like(values_ST, np.nan)
    moved_ST[:, sessions:] = all_but_last(values_ST, sessions)
    return moved_ST


def all_but_last(values_ST: Wide, sessions: int) -> Wide:
    """The values without those of the last sessions, so that they can be laid on what came that many later."""
    return values_ST[:, : max(values_ST.shape[1] - sessions, 0)]
