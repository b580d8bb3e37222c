"""Windows: trailing sums, means, medians and last values over wide arrays, the same to the bit whatever came before.

Every window is added term by term in the order of its sessions and holds nothing after its last one; NaN is a hole.
"""
# S securities, T sessions

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Wide = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]
# Median absolute deviation of a normal variable, as a share of its standard deviation.
DEVIATION_OF_MEDIAN = 1.4826


def earlier(values_ST: Wide, sessions: int) -> Wide:
    """What stood `sessions` before each cell, NaN where the array had not begun."""
    moved_ST = np.full_like(values_ST, np.nan)
    if sessions < values_ST.shape[1]:
        moved_ST[:, sessions:] = values_ST[:, : values_ST.shape[1] - sessions]
    return moved_ST


def earlier_flags(flags_ST: Flags, sessions: int) -> Flags:
    """What stood `sessions` before each cell, false where the array had not begun."""
    moved_ST = np.zeros_like(flags_ST)
    if sessions < flags_ST.shape[1]:
        moved_ST[:, sessions:] = flags_ST[:, : flags_ST.shape[1] - sessions]
    return moved_ST


def log_return(return_ST: Wide) -> Wide:
    """Simple returns as log returns; a loss of everything, which only a wrong price shows, counts as one of 99.9%."""
    return np.log1p(np.maximum(return_ST, -0.999))


def total(values_ST: Wide, window: int) -> Wide:
    """Sum over the `window` sessions up to each, earliest first; a hole counts as 0."""
    filled_ST = np.where(np.isnan(values_ST), 0.0, values_ST)
    width = values_ST.shape[1]
    total_ST = np.zeros_like(values_ST)
    for lag in range(min(window, width) - 1, -1, -1):
        total_ST[:, lag:] += filled_ST[:, : width - lag]
    return total_ST


def count(flags_ST: Flags, window: int) -> NDArray[np.int64]:
    """True cells among the `window` sessions up to each."""
    until_ST = np.cumsum(flags_ST, axis=1, dtype=np.int64)
    counted_ST = until_ST.copy()
    if window < flags_ST.shape[1]:
        counted_ST[:, window:] -= until_ST[:, : flags_ST.shape[1] - window]
    return counted_ST


def mean(values_ST: Wide, window: int, at_least: int) -> Wide:
    """Mean over the `window` sessions up to each; NaN where fewer than `at_least` of them hold a value."""
    held_ST = count(~np.isnan(values_ST), window)
    return total(values_ST, window) / np.where(held_ST >= at_least, held_ST, np.nan)


def highest(values_ST: Wide, window: int) -> Wide:
    """Highest value of the `window` sessions up to each; NaN where there is none."""
    highest_ST = values_ST.copy()
    width = values_ST.shape[1]
    for lag in range(1, min(window, width)):
        np.fmax(highest_ST[:, lag:], values_ST[:, : width - lag], out=highest_ST[:, lag:])
    return highest_ST


def median(values_ST: Wide, window: int, at_least: int) -> Wide:
    """Median over the `window` sessions up to each; NaN where fewer than `at_least` of them hold a value."""
    # One name after another, with so many holes between them that no window holds two: one pass instead of S.
    apart_ST = np.concatenate([np.full((len(values_ST), window), np.nan), values_ST], axis=1)
    found = pl.Series(apart_ST.ravel(), nan_to_null=True).rolling_median(window, min_samples=at_least)
    return found.cast(pl.Float64).to_numpy().reshape(apart_ST.shape)[:, window:]


def last_place(flags_ST: Flags) -> Places:
    """Place of the last true cell strictly before each, -1 where there is none."""
    here_ST = np.where(flags_ST, np.arange(flags_ST.shape[1]), -1)
    before_ST = np.full(flags_ST.shape, -1, dtype=np.intp)
    before_ST[:, 1:] = np.maximum.accumulate(here_ST, axis=1)[:, :-1]
    return before_ST


def last_value(values_ST: Wide, sessions: int) -> Wide:
    """The last value strictly before each cell, at most `sessions` back; NaN where there is none."""
    place_ST = last_place(~np.isnan(values_ST))
    known_ST = np.take_along_axis(values_ST, np.maximum(place_ST, 0), axis=1)
    age_ST = np.arange(values_ST.shape[1]) - place_ST
    return np.where((place_ST >= 0) & (age_ST <= sessions), known_ST, np.nan)


def robust_distance(values_ST: Wide, window: int, at_least: int) -> Wide:
    """How many robust standard deviations each value lies from what was usual in the `window` sessions before it.

    Usual is the median; a standard deviation is 1.4826 times the median distance of each value from the median of its
    own window. A cell depends on 2 * window sessions before it. NaN where either is unknown, or the spread is 0.
    """
    usual_ST = earlier(median(values_ST, window, at_least), 1)
    apart_ST = np.abs(values_ST - usual_ST)
    spread_ST = DEVIATION_OF_MEDIAN * earlier(median(apart_ST, window, at_least), 1)
    return (values_ST - usual_ST) / np.where(spread_ST > 0, spread_ST, np.nan)
