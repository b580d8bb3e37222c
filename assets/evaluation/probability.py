"""Probability: how good stated probabilities are, whether they mean what they say, and what doubt is worth.

Every score has its comparison beside it: a base rate, or an order of doubt drawn at random.
"""
# N cases

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Bins = Literal["width", "mass"]

SMALLEST = 1e-12
"""Probability below which a miss costs no more: a certainty that fails would cost without end."""
Z_95 = 1.959964


@dataclass(frozen=True)
class Decomposition:
    """The Brier score in three parts: reliability - resolution + uncertainty (Murphy 1973), over bins.

    reliability  mean square of what was stated less what happened; 0 is best
    resolution   mean square of what happened in a bin less the base rate; a constant has none
    uncertainty  p (1 - p) of the base rate: the Brier score of who always states it
    """

    reliability: float
    resolution: float
    uncertainty: float


def brier(stated_N: Floats, is_rise_N: Flags) -> float:
    """Mean square of the stated probability less the outcome (Brier 1950)."""
    return float(np.mean((stated_N - is_rise_N) ** 2))


def log_loss(stated_N: Floats, is_rise_N: Flags) -> float:
    """Mean negative log of the probability stated of what happened, in nats."""
    told_N = np.clip(np.where(is_rise_N, stated_N, 1 - stated_N), SMALLEST, 1)
    return float(-np.mean(np.log(told_N)))


def accuracy(stated_N: Floats, is_rise_N: Flags) -> float:
    """Share of the outcomes on the stated side of one half; one half itself says rise."""
    return float(np.mean((stated_N >= 0.5) == is_rise_N))


def matthews(stated_N: Floats, is_rise_N: Flags) -> float:
    """Matthews correlation of the stated side and the outcome; 0 where either never changes."""
    said_N = stated_N >= 0.5
    if said_N.all() or not said_N.any() or is_rise_N.all() or not is_rise_N.any():
        return 0.0
    return float(np.corrcoef(said_N, is_rise_N)[0, 1])


def reliability(stated_N: Floats, is_rise_N: Flags, bins: int = 10, by: Bins = "mass") -> pl.DataFrame:
    """The reliability diagram: by bin the cases, the mean of what was stated, and how often it rose with a 95% range.

    by       bins of equal width from 0 to 1, closed above, or of equal numbers of cases; empty ones are left out
    returns  bin, cases, stated, happened, lower, upper; the range is Wilson's (1927)
    """
    frame = pl.DataFrame({"bin": _bins(stated_N, bins, by), "stated": stated_N, "happened": is_rise_N.astype(float)})
    # In order: threads that share a group would round its mean now so, now so.
    bins_of = frame.group_by("bin", maintain_order=True)
    binned = bins_of.agg(pl.len().alias("cases"), pl.col("stated", "happened").mean()).sort("bin")
    n, p = pl.col("cases"), pl.col("happened")
    middle = (p + Z_95**2 / (2 * n)) / (1 + Z_95**2 / n)
    half = Z_95 * ((p * (1 - p) + Z_95**2 / (4 * n)) / n).sqrt() / (1 + Z_95**2 / n)
    return binned.with_columns(lower=(middle - half).clip(0, 1), upper=(middle + half).clip(0, 1))


def calibration_error(stated_N: Floats, is_rise_N: Flags, bins: int = 10, by: Bins = "mass") -> float:
    """Mean distance of what was stated from what happened over the bins, by their cases (ECE; Naeini et al. 2015)."""
    found = reliability(stated_N, is_rise_N, bins, by)
    apart = (found["stated"] - found["happened"]).abs()
    return float((apart * found["cases"]).sum() / len(stated_N))


def decomposition(stated_N: Floats, is_rise_N: Flags, bins: int = 10, by: Bins = "mass") -> Decomposition:
    """The parts of the Brier score; they add up to it but for what varies inside a bin."""
    found, base = reliability(stated_N, is_rise_N, bins, by), float(np.mean(is_rise_N))
    share = found["cases"] / len(stated_N)
    apart = (share * (found["stated"] - found["happened"]) ** 2).sum()
    told = (share * (found["happened"] - base) ** 2).sum()
    return Decomposition(float(apart), float(told), base * (1 - base))


def risk_by_coverage(loss_N: Floats, doubt_N: Floats) -> Floats:
    """Mean loss [N] of the 1, 2, ... N cases of which there is the least doubt; equal doubt keeps the given order."""
    order = np.argsort(doubt_N, kind="stable")
    risk_N: Floats = np.cumsum(loss_N[order]) / np.arange(1, len(loss_N) + 1)
    return risk_N


def aurc(loss_N: Floats, doubt_N: Floats) -> float:
    """Area under the curve of risk by coverage (Geifman et al. 2019): lower where doubt falls on what goes wrong."""
    return float(np.mean(risk_by_coverage(loss_N, doubt_N)))


def excess_aurc(loss_N: Floats, doubt_N: Floats) -> float:
    """The area above that of the best order, which leaves out the largest losses first."""
    return aurc(loss_N, doubt_N) - aurc(loss_N, loss_N)


def augrc(loss_N: Floats, doubt_N: Floats) -> float:
    """Area under the generalised risk: the losses accepted so far, as a mean over all cases (Traub et al. 2024)."""
    return float(np.mean(np.cumsum(loss_N[np.argsort(doubt_N, kind="stable")])) / len(loss_N))


def random_aurc(loss_N: Floats) -> float:
    """The area that doubt drawn at random has on average: every risk is the mean loss."""
    return float(np.mean(loss_N))


def _bins(stated_N: Floats, bins: int, by: Bins) -> NDArray[np.intp]:
    if by == "width":
        return np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], stated_N, side="left")
    # Equal statements share a bin: parted, luck among them would look like something that was told.
    below_N = np.searchsorted(np.sort(stated_N), stated_N, side="left")
    return (below_N * bins // len(stated_N)).astype(np.intp)
