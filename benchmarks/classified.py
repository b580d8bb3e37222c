"""Classified: how well classes were foretold, with intervals that take whole days."""
# N samples, D days, K classes, B bootstrap draws

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Places = NDArray[np.int64]
Floats = NDArray[np.float64]

DRAWS = 2000
SEED = 0
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A figure with the bounds of its interval."""

    value: float
    lower: float
    upper: float

    def __str__(self) -> str:
        """As .512 [.498, .526]."""
        return f"{self.value:.4f} [{self.lower:.4f}, {self.upper:.4f}]"


def confusions(foretold_N: Places, label_N: Places, day_N: NDArray[np.generic], classes: int) -> NDArray[np.int64]:
    """Samples of each day by true and foretold class, [D, K, K]."""
    _, place_N = np.unique(day_N, return_inverse=True)
    counts_DKK = np.zeros((place_N.max(initial=-1) + 1, classes, classes), dtype=np.int64)
    np.add.at(counts_DKK, (place_N, label_N, foretold_N), 1)
    return counts_DKK


def accuracy(counts_BKK: NDArray[np.generic]) -> Floats:
    """Share of samples on the diagonal of each table, [B]."""
    share_B: Floats = np.trace(counts_BKK, axis1=-2, axis2=-1) / np.sum(counts_BKK, axis=(-2, -1))
    return share_B


def matthews(counts_BKK: NDArray[np.generic]) -> Floats:
    """Matthews correlation of each table, [B]; 0 where one class is foretold, or one is true, throughout.

    source  for more than two classes: Gorodkin 2004 (Computational Biology and Chemistry 28)
    """
    total_B = np.sum(counts_BKK, axis=(-2, -1)).astype(np.float64)
    true_BK, foretold_BK = np.sum(counts_BKK, axis=-1), np.sum(counts_BKK, axis=-2)
    hits_B = np.trace(counts_BKK, axis1=-2, axis2=-1)
    above_B = hits_B * total_B - (true_BK * foretold_BK).sum(axis=-1)
    below_B = (total_B**2 - (foretold_BK**2).sum(axis=-1)) * (total_B**2 - (true_BK**2).sum(axis=-1))
    correlation_B: Floats = np.divide(above_B, np.sqrt(below_B), out=np.zeros_like(total_B), where=below_B > 0)
    return correlation_B


def drawn(counts_DKK: NDArray[np.int64]) -> NDArray[np.int64]:
    """Tables of samples of as many days, drawn with replacement, [B, K, K]; equal days give equal draws."""
    days = len(counts_DKK)
    weights_BD = np.random.default_rng(SEED).multinomial(days, np.full(days, 1 / days), size=DRAWS)
    tables_BKK: NDArray[np.int64] = np.einsum("bd,dij->bij", weights_BD, counts_DKK)
    return tables_BKK


def estimate(value: float, draws_B: Floats) -> Estimate:
    """A value with the middle 95% of its draws."""
    lower, upper = np.quantile(draws_B, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Estimate(value, float(lower), float(upper))
