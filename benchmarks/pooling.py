"""Pooling: one figure over worlds that share nothing but their law."""

from __future__ import annotations

import math
from collections.abc import Sequence

import polars as pl

from assets.evaluation.intervals import Interval, interval


def pooled_z(worlds: Sequence[Interval]) -> float:
    """Mean over independent worlds in standard errors; NaN where a world has no interval.

    The standard error of a world is the one of its own interval (mean / t), so the pooled one is their root sum of
    squares over the number of worlds.
    """
    errors = [one.mean / one.t if one.t else math.nan for one in worlds]
    variance = sum(error**2 for error in errors)
    return sum(one.mean for one in worlds) / math.sqrt(variance) if variance > 0 else math.nan


def contains_0(worlds: Sequence[Interval]) -> int:
    """How many of the intervals contain 0; one that is missing does not."""
    return sum(one.lower <= 0 <= one.upper for one in worlds)


def pooled_mean(series: Sequence[pl.DataFrame], horizon: int) -> Interval:
    """Mean of a daily figure over worlds on the same sessions, with the interval of the series averaged over worlds.

    series  one frame for each world: session and the figure; a null is left out
    horizon sessions that one value spans
    """
    if not series:
        return interval([], horizon)
    name = next(column for column in series[0].columns if column != "session")
    days = pl.concat(series).group_by("session").agg(pl.col(name).mean()).sort("session")
    return interval(days[name], horizon)
