"""Decay: how long a forecast stays good, and how fast its order of the names changes.

A forecast that is old by some sessions is held against the return that follows the later decision. An order that
changes fast must be traded fast to be earned, and pays for it.
"""
# T sessions, S securities

from __future__ import annotations

import numpy as np

from assets.evaluation.cases import Cases
from assets.evaluation.line import Line
from assets.evaluation.ordering import Flags, Floats, one_group, ordered, rank_correlation
from assets.evaluation.slices import LEAST_NAMES

LAGS = (0, 1, 2, 5, 10, 20)
TENTHS = 10


def decay(cases: Cases) -> list[Line]:
    """RankIC by horizon of the return and by age of the forecast; autocorrelation and turnover of the order.

    The age is counted in sessions that have forecasts, in their order.
    """
    x = ordered(cases.forecast_TS)
    lines = []
    for horizon, return_TS in cases.returns.items():
        y, known_TS = ordered(return_TS), ~np.isnan(return_TS)
        daily_T = rank_correlation(x, y, known_TS, LEAST_NAMES)
        counted_T = (known_TS & ~np.isnan(cases.forecast_TS)).sum(axis=1)
        lines.append(Line.of("horizon", _sessions(horizon), "rank_ic", daily_T, horizon, "correlation", counted_T))
    top_TS = _top_tenth(cases.forecast_TS)
    y = ordered(cases.realised)
    for lag in [lag for lag in LAGS if lag < len(cases.forecast_TS)]:
        old_TS = _earlier(cases.forecast_TS, lag)
        old, both_TS = ordered(old_TS), ~np.isnan(old_TS) & cases.counted
        daily = {"rank_ic": rank_correlation(old, y, both_TS, LEAST_NAMES)}
        if lag:
            daily["autocorrelation"] = rank_correlation(old, x, ~np.isnan(old_TS), LEAST_NAMES)
            daily["top_tenth_replaced"] = _replaced(top_TS, lag)
        names_T = both_TS.sum(axis=1)
        for metric, daily_T in daily.items():
            unit = "share" if metric == "top_tenth_replaced" else "correlation"
            lines.append(Line.of("age", _sessions(lag), metric, daily_T, cases.horizon + lag, unit, names_T))
    return lines


def _sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"


def _earlier(values_TS: Floats, lag: int) -> Floats:
    """What stood there `lag` sessions before."""
    found_TS = np.full_like(values_TS, np.nan)
    found_TS[lag:] = values_TS[: len(values_TS) - lag]
    return found_TS


def _top_tenth(forecast_TS: Floats) -> Flags:
    told_TS = ~np.isnan(forecast_TS)
    names_T1 = told_TS.sum(axis=1, keepdims=True)
    places_TS = ordered(forecast_TS).ranks(one_group(told_TS)) - 1
    top_TS: Flags = TENTHS * (names_T1 - 1 - places_TS) < names_T1
    return top_TS


def _replaced(top_TS: Flags, lag: int) -> Floats:
    """Share of each session's best tenth that was not in the best tenth `lag` sessions before, [T]."""
    found_T = np.full(len(top_TS), np.nan)
    now_TS, before_TS = top_TS[lag:], top_TS[: len(top_TS) - lag]
    count_T, kept_T = now_TS.sum(axis=1), (now_TS & before_TS).sum(axis=1)
    told_T = (count_T > 0) & (before_TS.sum(axis=1) > 0)
    found_T[lag:][told_T] = 1 - kept_T[told_T] / count_T[told_T]
    return found_T
