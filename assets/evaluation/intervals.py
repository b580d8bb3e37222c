"""Interval: the mean of a daily series with the range in which its true mean may lie, although neighbours overlap.

A label that spans h sessions makes neighbouring days alike, so the usual standard error is too small. The long-run
variance is Bartlett's with a generous lag, and the critical value grows with lag / days (fixed-b asymptotics: Kiefer,
Vogelsang 2005, Econometric Theory 21; lag rule: Lazarus, Lewis, Stock, Watson 2018, JBES 36).
"""
# R independent series, T sessions

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

SESSIONS_PER_YEAR = 243  # mean of the Shanghai calendars of 2012 to 2023
LEAST_SESSIONS = 20

# |t| that is exceeded with probability 1 - level, as a cubic in b = (lag + 1) / T, for the Bartlett kernel: Kiefer and
# Vogelsang's where they give it, else drawn by `python -m benchmarks.critical_values`, which holds all against draws.
CRITICAL_VALUES: dict[float, tuple[float, float, float, float]] = {
    0.80: (1.2816, 1.3040, 0.5135, -0.3386),
    0.90: (1.6449, 2.1859, 0.3142, -0.3427),
    0.95: (1.9600, 2.9694, 0.4160, -0.5324),
    0.98: (2.3263, 4.1618, 0.5368, -0.9060),
    0.9834: (2.3954, 4.4244, 0.5126, -0.9593),  # .90 corrected for six looks
    0.975: (2.2414, 3.4230, 2.5289, -3.1637),
    0.9875: (2.4977, 4.1810, 4.0868, -5.6700),
    0.99375: (2.7344, 5.0909, 5.0574, -7.2767),
    0.996875: (2.9552, 6.2366, 5.0752, -7.6617),
}


@dataclass(frozen=True)
class Interval:
    """A mean over `n` sessions and its range; `dropped` sessions had no value; `note` says why a range is missing."""

    mean: float
    lower: float
    upper: float
    t: float
    lag: int
    n: int
    dropped: int = 0
    note: str = ""

    def times(self, factor: float) -> Interval:
        """The interval of the series multiplied by a positive factor."""
        return Interval(
            self.mean * factor,
            self.lower * factor,
            self.upper * factor,
            self.t,
            self.lag,
            self.n,
            self.dropped,
            self.note,
        )

    def verdict(self) -> str:
        """Where the interval lies: above 0, below 0, not told apart from 0, or why there is none."""
        if math.isnan(self.lower):
            return self.note or "no interval"
        return "above 0" if self.lower > 0 else "below 0" if self.upper < 0 else "not told apart from 0"


@dataclass(frozen=True)
class Figure:
    """One line of a report: a named value with its bounds (NaN where it has none), its unit and its definition."""

    metric: str
    value: float
    lower: float
    upper: float
    unit: str
    definition: str

    @classmethod
    def of(cls, metric: str, interval: Interval, unit: str, definition: str) -> Figure:
        """A figure whose value is a mean with its interval."""
        return cls(metric, interval.mean, interval.lower, interval.upper, unit, definition)

    @classmethod
    def plain(cls, metric: str, value: float, unit: str, definition: str) -> Figure:
        """A figure without bounds: a count or a sum."""
        return cls(metric, value, math.nan, math.nan, unit, definition)


def interval(series: pl.Series | NDArray[np.float64] | Sequence[float], horizon: int, level: float = 0.95) -> Interval:
    """Mean of a daily series in time order; days that are null or NaN are dropped and counted.

    series   [T] one value a session
    horizon  sessions that one value spans, which sets the lag: see `lag_of`
    returns  NaN bounds with a note where fewer than max(20, 2 * lag) days are left; on MA(h - 1) noise a nominal .95
             covers .90 at that edge and .93 to .95 from 24 horizons on
    raises   ValueError for a level without critical values or a horizon below 1
    """
    values = np.asarray(series, dtype=np.float64)
    kept = values[~np.isnan(values)]
    dropped, n = len(values) - len(kept), len(kept)
    lag = lag_of(n, horizon)
    mean = float(kept.mean()) if n else math.nan
    if n < (least := max(LEAST_SESSIONS, 2 * lag)):
        note = f"no interval: {n} sessions, at least {least} are needed"
        return Interval(mean, math.nan, math.nan, math.nan, lag, n, dropped, note)
    error = float(standard_errors(kept[None, :], lag)[0])
    reach = critical_value((lag + 1) / n, level) * error
    t = mean / error if error > 0 else math.nan
    return Interval(mean, mean - reach, mean + reach, t, lag, n, dropped)


def paired(a: pl.DataFrame, b: pl.DataFrame, column: str, horizon: int, level: float = 0.95) -> Interval:
    """Mean of a's column less b's on the sessions that both have; `dropped` counts common sessions without a value."""
    common = a.select("session", column).join(b.select("session", column), on="session", suffix="_b").sort("session")
    return interval(common[column] - common[f"{column}_b"], horizon, level)


def lag_of(sessions: int, horizon: int) -> int:
    """Lag of the long-run variance: the larger of 3 horizons and 1.3 sqrt(sessions)."""
    if horizon < 1:
        raise ValueError(f"horizon was {horizon}; it counts sessions, so give 1 or more")
    return max(3 * horizon, math.ceil(1.3 * math.sqrt(sessions)))


def critical_value(b: float, level: float) -> float:
    """Two-sided critical value of the t statistic at bandwidth share b, 0 < b <= 1."""
    if level not in CRITICAL_VALUES:
        raise ValueError(f"level was {level}; critical values are known for {sorted(CRITICAL_VALUES)}")
    return float(np.polynomial.polynomial.polyval(b, CRITICAL_VALUES[level]))


def standard_errors(x_RT: NDArray[np.float64], lag: int) -> NDArray[np.float64]:
    """Bartlett standard error of each row's mean, [R].

    With weights 1 - j / (lag + 1) the sum over autocovariances equals a difference of squared partial sums, which costs
    one pass for any lag (Kiefer, Vogelsang 2005, lemma 1).
    """
    sessions, width = x_RT.shape[1], lag + 1
    sums_RT = np.cumsum(x_RT - x_RT.mean(axis=1, keepdims=True), axis=1)
    apart_R = (sums_RT[:, :-width] * sums_RT[:, width:]).sum(axis=1)
    variance_R = 2.0 / (width * sessions) * ((sums_RT**2).sum(axis=1) - apart_R)
    error_R: NDArray[np.float64] = np.sqrt(np.maximum(variance_R, 0.0) / sessions)
    return error_R
