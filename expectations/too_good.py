"""Too good: whether a column or a forecast tells more of the returns than anything honest does."""
# S securities, T sessions

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from expectations.honest_bounds import (
    COLUMN,
    FORECAST,
    Daily,
    Floats,
    daily,
    hit_rate_bound,
    icir_bound,
    rank_ic_bound,
)
from expectations.session_ranks import Ranks, correlations, names, same_side

TOO_GOOD = pl.Schema(
    {
        "table": pl.String(),
        "column": pl.String(),
        "horizon": pl.Int64(),
        "sessions": pl.Int64(),
        "names": pl.Float64(),
        "rank_ic": pl.Float64(),
        "null_error": pl.Float64(),
        "rank_ic_bound": pl.Float64(),
        "icir": pl.Float64(),
        "icir_bound": pl.Float64(),
        "hit_rate": pl.Float64(),
        "hit_rate_bound": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)


FIGURES = ("rank_ic", "icir", "hit_rate")


def too_good_columns(
    table: str,
    columns: Mapping[str, Ranks],
    labels: Mapping[int, Ranks],
    sessions: Sequence[date],
    stride: int,
) -> pl.DataFrame:
    """By column and horizon, the mean daily RankIC, the ICIR and the hit rate beside the most that is believed.

    columns   name -> ranks [T, S] of the column at the given sessions
    labels    horizon -> ranks [T, S] of what a decision after these sessions earned, settled labels only
    sessions  the T sessions, in time order, `stride` sessions from one to the next
    returns   TOO_GOOD; a column is judged by size, whichever its sign
    """
    rows = []
    for horizon, label in labels.items():
        for column, ranks in columns.items():
            ic_T, hits_T, names_T = correlations(ranks, label), same_side(ranks, label), names(ranks, label)
            found, hits = daily(ic_T, names_T, horizon, stride), daily(hits_T, names_T, horizon, stride)
            judged = _judged(found, hits, COLUMN, horizon)
            rows.append({"table": table, "column": column, **judged, "first_example": _words(judged, ic_T, sessions)})
    return pl.DataFrame(rows, schema=TOO_GOOD)


def too_good_forecasts(experiment: str, information: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """By segment of an experiment, the same figures of its seed-averaged forecast; the segment stands as `column`.

    information  segment, session, rank_ic, hit_rate and names, as `assets.evaluation.information` tells them
    returns      TOO_GOOD; a forecast is judged on the side on which it claims to be right
    """
    rows = []
    for segment in ("valid", "test"):
        days = information.filter(segment=segment).sort("session")
        ic_T, names_T = _floats(days["rank_ic"]), _floats(days["names"])
        found = daily(ic_T, names_T, horizon)
        judged = _judged(found, daily(_floats(days["hit_rate"]), names_T, horizon), FORECAST, horizon)
        example = _words(judged, ic_T, days["session"].to_list())
        rows.append({"table": f"experiments/{experiment}", "column": segment, **judged, "first_example": example})
    return pl.DataFrame(rows, schema=TOO_GOOD)


def best_day(values_T: Floats, sessions: Sequence[date]) -> str | None:
    """The first day on which a daily figure is largest by size, to nine decimals, in words; null without a value."""
    if not np.isfinite(values_T).any():
        return None
    place = int(np.nanargmax(np.abs(values_T).round(9)))
    return f"{sessions[place]}: {values_T[place]:+.3f}"


def _words(judged: Mapping[str, Any], ic_T: Floats, sessions: Sequence[date]) -> str | None:
    """What is too good, against what is believed, and the best day; null where all is believed."""
    if judged["passed"]:
        return None
    said = [f"{name} {judged[name]:+.3f} (believed {judged[f'{name}_bound']:.3f})" for name in FIGURES]
    return f"over {judged['horizon']} sessions {', '.join(said)}; best day {best_day(ic_T, sessions)}"


def _judged(found: Daily, hits: Daily, strongest: float, horizon: int) -> dict[str, Any]:
    bounds = {
        "rank_ic_bound": rank_ic_bound(found, strongest, horizon),
        "icir_bound": icir_bound(found, strongest, horizon),
        "hit_rate_bound": hit_rate_bound(hits, strongest, horizon),
    }
    icir = found.mean / found.deviation if found.deviation > 0 else math.copysign(math.inf, found.mean)
    icir = icir if found.sessions > 1 and found.mean else 0.0
    hit_rate = hits.mean if hits.sessions else 0.5
    passed = (
        abs(found.mean) <= bounds["rank_ic_bound"]
        and abs(icir) <= bounds["icir_bound"]
        and abs(hit_rate - 0.5) <= bounds["hit_rate_bound"] - 0.5
    )
    figures = {"rank_ic": found.mean, "null_error": found.error, "icir": icir, "hit_rate": hit_rate}
    return {"horizon": horizon, "sessions": found.sessions, "names": found.names, **figures, **bounds, "passed": passed}


def _floats(values: pl.Series) -> Floats:
    return values.cast(pl.Float64).fill_null(float("nan")).to_numpy()
