"""Watching: whether a champion still does what it was chosen for, from the sessions since."""
# N values of one input

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.information import daily
from assets.evaluation.intervals import Interval, interval
from expectations.tables import Table

RECENT, NOW = 60, 20
"""Sessions whose outcome is looked at, and sessions whose inputs are."""
MOVED = 0.25
"""Population stability index above which a distribution is said to have moved (usual in credit scoring)."""
OTHER_TURNOVER = 1.5
BINS = 10
LEAST = 1e-4
KEYS = ("session", "security_id")


class Watch(Table):
    """What is seen of a champion lately, beside what was to be expected; one row a measure, with whether it alarms.

    An alarm is a reason to look, no verdict: some alarm by chance.
    """

    asset_key: ClassVar[str] = "serving/watch"

    horizon = dy.Int64(primary_key=True, metadata={"unit": "sessions"})
    measure = dy.String(primary_key=True)
    experiment = dy.String(metadata={"definition": "the champion"})
    value = dy.Float64(nullable=True, metadata={"definition": "seen lately"})
    lower = dy.Float64(nullable=True, metadata={"definition": "95% interval of what is seen"})
    upper = dy.Float64(nullable=True)
    expected = dy.Float64(nullable=True, metadata={"definition": "or, of an input, the largest that is no alarm"})
    is_alarm = dy.Bool()
    definition = dy.String()


Row = dict[str, object]


def realised(information: pl.DataFrame, horizon: int) -> Row:
    """Whether the pattern fades: RankIC of the last settled test sessions, against that of validation.

    information  rows of `Information`
    """
    test = daily(information, "test").filter(pl.col("rank_ic").is_not_null()).tail(RECENT)
    expected = _mean(daily(information, "valid")["rank_ic"])
    seen = interval(test["rank_ic"], horizon)
    text = f"RankIC of the last {len(test)} settled test sessions; expected is its mean on validation"
    return _row("realised_rank_ic", seen, expected, seen.upper < expected, text)


def turned_over(portfolio: pl.DataFrame, horizon: int) -> Row:
    """Whether it trades otherwise than it did: turnover of the last sessions against those before.

    portfolio  rows of `PortfolioDaily`
    """
    counted = portfolio.filter(pl.col("excess_return").is_not_null()).sort("session")["turnover"]
    seen, expected = interval(counted.tail(RECENT), horizon), _mean(counted.head(max(len(counted) - RECENT, 0)))
    ratio = seen.mean / expected if expected else math.nan
    text = f"turnover a session of the last {RECENT}; expected is that before; alarms beyond {OTHER_TURNOVER} times"
    return _row("turnover", seen, expected, not 1 / OTHER_TURNOVER <= ratio <= OTHER_TURNOVER and ratio > 0, text)


def calibrated(forecasts: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> Row | None:
    """Whether what is stated as a probability still comes true; None where none is stated.

    forecasts  rows of `Forecasts` of the test
    returns    session, security_id, forward_return of the horizon
    """
    stated = forecasts.filter(pl.col("probability").is_not_null())
    if stated.is_empty():
        return None
    told = stated.group_by(KEYS).agg(pl.col("probability").mean())
    settled = told.join(returns.filter(pl.col("forward_return").is_not_null()), on=KEYS)
    apart = (pl.col("forward_return") > 0).cast(pl.Float64) - pl.col("probability")
    by_day = settled.group_by("session").agg(apart.mean().alias("apart")).sort("session").tail(RECENT)
    seen = interval(by_day["apart"], horizon)
    text = f"share that rose less the stated probability, last {len(by_day)} settled sessions"
    return _row("calibration", seen, 0.0, not (seen.lower <= 0 <= seen.upper) and not math.isnan(seen.lower), text)


def inputs_moved(learned: Mapping[str, NDArray[np.float32]], now: Mapping[str, NDArray[np.float32]]) -> list[Row]:
    """By column, how far its distribution has moved from what was learned on: population stability index.

    learned, now  column -> its values [N] among the members of the training sessions, and of the last sessions; NaN
                  where absent, which is a class of its own
    """
    found = []
    for column, values_N in now.items():
        moved = stability(learned[column], values_N)
        text = f"population stability index of the last {NOW} sessions against those that were learned from"
        seen = Interval(moved, math.nan, math.nan, math.nan, 0, len(values_N))
        found.append(_row(f"input {column}", seen, MOVED, moved > MOVED, text))
    return found


def stability(before_N: NDArray[np.float32], now_N: NDArray[np.float32]) -> float:
    """Population stability index of two samples over the tenths of the first, absent values apart; 0 is no change."""
    known = before_N[np.isfinite(before_N)]
    edges = np.empty(0)
    if len(known):
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1]).astype(np.float64))
    before, now = (_shares(values_N, edges) for values_N in (before_N, now_N))
    return float(((now - before) * np.log(now / before)).sum())


def _shares(values_N: NDArray[np.float32], edges: NDArray[np.float64]) -> NDArray[np.float64]:
    places = np.where(np.isfinite(values_N), np.searchsorted(edges, values_N, side="right"), len(edges) + 1)
    counts = np.bincount(places, minlength=len(edges) + 2)
    shares: NDArray[np.float64] = np.maximum(counts / max(len(values_N), 1), LEAST)
    return shares


def _row(measure: str, seen: Interval, expected: float, is_alarm: bool, definition: str) -> Row:
    return {
        "measure": measure,
        "value": _known(seen.mean),
        "lower": _known(seen.lower),
        "upper": _known(seen.upper),
        "expected": _known(expected),
        "is_alarm": bool(is_alarm),
        "definition": definition,
    }


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def _mean(values: pl.Series) -> float:
    mean = values.mean()
    return float(mean) if isinstance(mean, float) else math.nan
