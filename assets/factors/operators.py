"""Operators: what can be asked of a window, each with the family of kernels that answers it.

A family computes several statistics of the same series in one pass; factors that ask for them share the pass. Windows
count sessions of the calendar. A session without a value is passed over, and a single value is enough where the
statistic needs no more.
"""
# S securities, T sessions, K asks

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.factors import extremes, moments, quantiles, ranks, totals
from assets.factors.ask import Ask
from assets.factors.expression import LISTED, Expression, Windowed, as_traded

Wide = NDArray[np.float64]
Family = Callable[[Sequence[Wide], Sequence[Ask]], Wide]

STILL = 2e-5
"""Qlib's bound: down to this deviation, in units as traded, a window has no share of variance and no correlation."""


@dataclass(frozen=True)
class Operator:
    """A statistic of a window.

    name           as it is written in the formula
    family         function of the input arrays [S, T] and the asks that gives [K, S, T]
    statistic      its number in the family
    keeps_unit     whether the result has the unit of the first series
    takes_shifted  whether a series may hold an unknown level
    shown          how many of the inputs the formula shows
    """

    name: str
    family: Family
    statistic: int
    keeps_unit: bool = True
    takes_shifted: bool = False
    shown: int = 1


SUM = Operator("Sum", totals.totals, totals.SUM)
MEAN = Operator("Mean", totals.totals, totals.MEAN)
STD = Operator("Std", moments.lines, moments.STD)
SLOPE = Operator("Slope", moments.lines, moments.SLOPE)
RSQUARE = Operator("Rsquare", moments.lines, moments.RSQUARE, keeps_unit=False)
RESI = Operator("Resi", moments.lines, moments.RESI)
CORR = Operator("Corr", moments.correlations, moments.CORR, keeps_unit=False, takes_shifted=True, shown=2)
MAX = Operator("Max", extremes.highest, extremes.VALUE)
MIN = Operator("Min", extremes.lowest, extremes.VALUE)
IDX_MAX = Operator("IdxMax", extremes.highest, extremes.PLACE, keeps_unit=False)
IDX_MIN = Operator("IdxMin", extremes.lowest, extremes.PLACE, keeps_unit=False)
QUANTILE = Operator("Quantile", quantiles.quantiles, quantiles.QUANTILE)
RANK = Operator("Rank", ranks.ranks, ranks.RANK, keeps_unit=False)


def total(series: Expression, window: int) -> Expression:
    """Sum of the values."""
    return Windowed(SUM, (series,), window)


def mean(series: Expression, window: int) -> Expression:
    """Mean of the values."""
    return Windowed(MEAN, (series,), window)


def std(series: Expression, window: int) -> Expression:
    """Sample standard deviation of the values, of at least two."""
    return Windowed(STD, (series, as_traded(STILL, series)), window)


def slope(series: Expression, window: int) -> Expression:
    """Slope per session of the line through the values."""
    return Windowed(SLOPE, (series, as_traded(STILL, series)), window)


def rsquare(series: Expression, window: int) -> Expression:
    """Share of the variance that the line through the values explains."""
    return Windowed(RSQUARE, (series, as_traded(STILL, series)), window)


def resi(series: Expression, window: int) -> Expression:
    """The session's value less that of the line through the values."""
    return Windowed(RESI, (series, as_traded(STILL, series)), window)


def corr(left: Expression, right: Expression, window: int) -> Expression:
    """Correlation over the sessions that have both values."""
    return Windowed(CORR, (left, right, as_traded(STILL, left), as_traded(STILL, right)), window)


def highest(series: Expression, window: int) -> Expression:
    """The highest value."""
    return Windowed(MAX, (series, LISTED), window)


def lowest(series: Expression, window: int) -> Expression:
    """The lowest value."""
    return Windowed(MIN, (series, LISTED), window)


def place_of_highest(series: Expression, window: int) -> Expression:
    """Place of the highest value, from 1 at the earliest session; a session without a value counts as the highest."""
    return Windowed(IDX_MAX, (series, LISTED), window)


def place_of_lowest(series: Expression, window: int) -> Expression:
    """Place of the lowest value, from 1 at the earliest session; a session without a value counts as the lowest."""
    return Windowed(IDX_MIN, (series, LISTED), window)


def quantile(series: Expression, window: int, share: float) -> Expression:
    """The value below which a share of the values lies, linear between two."""
    if not 0 <= share <= 1:
        raise ValueError(f"the quantile of a share of {share} does not exist; give 0 to 1")
    return Windowed(QUANTILE, (series,), window, share)


def rank(series: Expression, window: int) -> Expression:
    """Rank of the session's value among those of the window, over their number; equals share their mean rank."""
    return Windowed(RANK, (series,), window)
