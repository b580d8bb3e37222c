"""Moments that leave out what is missing: statistics of grids in which NaN means that nothing was measured."""
# T sessions, S securities

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FEWEST = 60
"""Values, or pairs of values, below which a security has no figure of its own."""


def mean(values: Floats, axis: int = 0) -> Floats:
    """Mean of what is there along an axis; NaN where nothing is."""
    present = ~np.isnan(values)
    count = present.sum(axis)
    return np.asarray(np.where(present, values, 0.0).sum(axis) / np.where(count, count, np.nan))


def moment(values: Floats, order: int) -> Floats:
    """Central moment of each column, [S]; NaN for a column with fewer than `FEWEST` values."""
    enough = (~np.isnan(values)).sum(axis=0) >= FEWEST
    return np.where(enough, mean((values - mean(values)) ** order), np.nan)


def deviation(values: Floats) -> Floats:
    """Standard deviation of each column, [S]."""
    return np.asarray(np.sqrt(moment(values, 2)))


def correlation(left: Floats, right: Floats) -> Floats:
    """Pearson correlation of each column of one grid with the same of another, over cells that both have, [S]."""
    both = ~np.isnan(left) & ~np.isnan(right)
    x, y = np.where(both, left, np.nan), np.where(both, right, np.nan)
    covariance = mean((x - mean(x)) * (y - mean(y)))
    return np.asarray(covariance / (deviation(x) * deviation(y)))


def autocorrelation(values: Floats, lag: int) -> Floats:
    """Correlation of each column with itself `lag` sessions before, over pairs that are both there, [S]."""
    return correlation(values[lag:], values[:-lag])


def blocks(values: Floats, sessions: int) -> Floats:
    """Standard deviation around 0 within each whole block of sessions, [blocks, S]; NaN where under half is there."""
    whole = len(values) // sessions * sessions
    cut = values[:whole].reshape(-1, sessions, values.shape[1])
    enough = (~np.isnan(cut)).sum(axis=1) * 2 >= sessions
    return np.asarray(np.sqrt(np.where(enough, mean(cut**2, axis=1), np.nan)))


def middle(values: Floats) -> float:
    """Median of what is there; NaN when nothing is."""
    present = values[~np.isnan(values)]
    return float(np.median(present)) if len(present) else float("nan")


def quantile(values: Floats, probability: float) -> float:
    """Value below which a share of what is there lies; NaN when nothing is."""
    present = values[~np.isnan(values)]
    return float(np.quantile(present, probability)) if len(present) else float("nan")


def spread(values: Floats) -> float:
    """Standard deviation of what is there; NaN with fewer than two values."""
    present = values[~np.isnan(values)]
    return float(np.std(present)) if len(present) > 1 else float("nan")


def share(part: Bools, whole: Bools) -> float:
    """Cells of the whole that are in the part as well; NaN when the whole is empty."""
    count = int(whole.sum())
    return float((part & whole).sum() / count) if count else float("nan")
