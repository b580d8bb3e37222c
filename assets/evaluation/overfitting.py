"""Overfitting: how often the trial that was best on one half of the sessions is among the worse half on the other.

Combinatorially symmetric cross-validation cuts the sessions into S blocks and takes every half of the blocks as the
sample on which the best trial is chosen (Bailey, Borwein, Lopez de Prado, Zhu 2017, Journal of Computational Finance
20). One figure is noisy: among 100 trials without skill over 1,000 sessions its standard deviation is .15 to .17. Where
all trials are equally good it says nothing.
"""
# T sessions, N trials, S blocks, C ways to take half of the blocks

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Metric = Literal["sharpe", "mean"]

BLOCKS = 16


@dataclass(frozen=True)
class Overfitting:
    """The trial chosen in each half of the sessions, and how it did in the other.

    chosen_C  its figure in the half on which it was best
    after_C   its figure in the other half
    logit_C   ln(w / (1 - w)) of its rank there, w = rank / (N + 1), rank 1 the worst
    """

    chosen_C: Floats
    after_C: Floats
    logit_C: Floats

    @property
    def probability(self) -> float:
        """PBO: share of the halves after which the chosen trial is not above the middle of all."""
        return float((self.logit_C <= 0).mean())

    @property
    def loss(self) -> float:
        """Share of the halves after which the chosen trial lost."""
        return float((self.after_C < 0).mean())

    @property
    def slope(self) -> float:
        """By how much the figure after rises with the figure on which was chosen; NaN where that never changes."""
        centred_C = self.chosen_C - self.chosen_C.mean()
        energy = float(centred_C @ centred_C)
        return float(centred_C @ self.after_C) / energy if energy > 0 else float("nan")


def overfitting(x_TN: Floats, blocks: int = BLOCKS, metric: Metric = "sharpe") -> Overfitting:
    """Choose the best of the trials on every half of the blocks and look at it on the other half.

    x_TN    returns by session and trial; the first T % S sessions are left out, so that all blocks are alike
    metric  'sharpe' (0 where a return never changes) or 'mean'; of equally good ones the worse after is taken
    raises  ValueError for fewer than two trials, an odd number of blocks, or fewer than two sessions a block
    """
    sessions, trials = x_TN.shape
    if trials < 2:
        raise ValueError(f"nothing was chosen among {trials} trials; give at least 2")
    if blocks < 2 or blocks % 2:
        raise ValueError(f"blocks were {blocks}; give an even number of 2 or more")
    if sessions < blocks or (metric == "sharpe" and sessions < 2 * blocks):
        raise ValueError(f"{sessions} sessions are too few for {blocks} blocks; give fewer blocks")
    figure_CN = _figures(x_TN[sessions % blocks :], blocks, metric)
    return _chosen(figure_CN, _other_half(figure_CN))


def _chosen(before_CN: Floats, after_CN: Floats) -> Overfitting:
    best_C = before_CN.max(axis=1)
    after_C = np.where(before_CN == best_C[:, None], after_CN, np.inf).min(axis=1)
    below_C = (after_CN < after_C[:, None]).sum(axis=1)
    equal_C = (after_CN == after_C[:, None]).sum(axis=1)
    rank_C = below_C + (equal_C + 1) / 2
    return Overfitting(best_C, after_C, np.log(rank_C / (after_CN.shape[1] + 1 - rank_C)))


def _other_half(figure_CN: Floats) -> Floats:
    """In the order of `combinations` the blocks left out by the first are taken by the last, and so on."""
    return figure_CN[::-1]


def _figures(x_TN: Floats, blocks: int, metric: Metric) -> Floats:
    # Another layout in memory would be summed in another order.
    x_STN = np.ascontiguousarray(x_TN).reshape(blocks, -1, x_TN.shape[1])
    halves = np.array(list(combinations(range(blocks), blocks // 2)))
    taken_CS = np.zeros((len(halves), blocks), dtype=bool)
    taken_CS[np.arange(len(halves))[:, None], halves] = True
    count = len(x_TN) // 2
    mean_CN = _summed(x_STN.sum(axis=1), taken_CS) / count
    if metric == "mean":
        return mean_CN
    square_CN = _summed((x_STN**2).sum(axis=1), taken_CS) / count
    variance_CN = (square_CN - mean_CN**2) * count / (count - 1)
    still_CN = variance_CN <= square_CN * 1e-12
    return np.where(still_CN, 0.0, mean_CN) / np.sqrt(np.where(still_CN, 1.0, variance_CN))


def _summed(block_SN: Floats, taken_CS: NDArray[np.bool_]) -> Floats:
    """Sum over the taken blocks, in their order: equal trials stay equal to the bit, which a matrix product breaks."""
    total_CN = np.zeros((len(taken_CS), block_SN.shape[1]))
    for taken_C, block_N in zip(taken_CS.T, block_SN, strict=True):
        total_CN += np.where(taken_C[:, None], block_N, 0.0)
    return total_CN
