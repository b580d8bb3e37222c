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
    block_ST = np.nan_to_num(values_ST, nan=0.0)
    total_ST = np.zeros_like(block_ST)
    done, size = 0, 1
    while done < window:
        if window & size:
            total_ST += moved_later(block_ST, done, 0.0)
            done += size
        block_ST = block_ST + moved_later(block_ST, size, 0.0)
        size *= 2
    return total_ST


def trailing_count(values_ST: Wide, window: int) -> Wide:
    """Values that are not NaN in the `window` sessions up to each, [S, T]."""
    return trailing_sum((~np.isnan(values_ST)).astype(np.float64), window)


def moved_later(values_ST: Wide, sessions: int, before: float = np.nan) -> Wide:
    """Each value `sessions` later, [S, T]: a cell holds what was there that many sessions ago, `before` where none."""
    moved_ST = np.full_like(values_ST, before)
    moved_ST[:, sessions:] = values_ST[:, : max(values_ST.shape[1] - sessions, 0)]
    return moved_ST
