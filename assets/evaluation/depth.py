"""Depth: everything that an experiment's test forecasts tell and would have earned, part by part, in one long table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict

import dataframely as dy
import polars as pl

from assets.evaluation.active_return import active_returns
from assets.evaluation.calibration import calibration
from assets.evaluation.cases import Cases
from assets.evaluation.decay import decay
from assets.evaluation.exposures import exposures
from assets.evaluation.gating import gating
from assets.evaluation.index_returns import index_returns
from assets.evaluation.legs import legs
from assets.evaluation.line import Line
from assets.evaluation.neutralised import neutralised
from assets.evaluation.portfolio import counted
from assets.evaluation.slices import slices
from assets.evaluation.stated_cases import stated_cases
from assets.evaluation.top_order import top_order
from expectations.tables import Table


class Depth(Table):
    """Figures of the test window by part: slices, top, sides, age, styles, yardsticks. Bounds are of 95% intervals."""

    kind = dy.String(
        primary_key=True,
        metadata={
            "definition": "how it was parted: all, year, board, size, industry, market volatility, market return, top, "
            "side, horizon, age, taken out, style; of the portfolio: beside (a yardstick), held (a style); "
            "of what is stated: probability, reliability, noise, coverage, gate"
        },
    )
    part = dy.String(primary_key=True, metadata={"definition": "which part; slices were known at the decision"})
    metric = dy.String(primary_key=True)
    place = dy.Int32(metadata={"definition": "order in which the lines are told"})
    value = dy.Float64(nullable=True)
    lower = dy.Float64(nullable=True)
    upper = dy.Float64(nullable=True)
    unit = dy.String()
    sessions = dy.Int64(min=0, metadata={"definition": "sessions with a value"})
    names = dy.Float64(min=0, metadata={"definition": "names behind a value, mean of those sessions"})


def of_forecasts(cases: Cases, top_k: int) -> list[Line]:
    """What the forecasts of a segment tell; `top_k` names are bought after each session."""
    return [
        *slices(cases),
        *top_order(cases, sorted({10, top_k})),
        *legs(cases, top_k),
        *decay(cases),
        *neutralised(cases),
    ]


def of_portfolio(
    daily: pl.DataFrame, orders: pl.DataFrame, bars: pl.DataFrame, index_bars: pl.DataFrame, cases: Cases, hold: int
) -> list[Line]:
    """The portfolio beside the universe and indices, and the styles that it leans on.

    daily, orders  rows of `portfolio.PortfolioDaily` and `portfolio.Orders`; returns are those of the sessions that
                   count (`portfolio.counted`)
    bars           rows of `expectations.tables.Bars`
    index_bars     rows of `expectations.fact_tables.IndexBars`
    hold           sessions for which a position is held
    """
    days = counted(daily)
    return [
        *active_returns(days, index_returns(index_bars, days["session"]), hold),
        *exposures(orders, bars, cases),
    ]


def of_confidence(forecasts: pl.DataFrame, returns: pl.DataFrame, horizon: int) -> list[Line]:
    """Whether what the forecasts state besides a ranking means what it says; empty where they state nothing.

    forecasts  rows of `expectations.tables.Forecasts`, validation too: gates are set there
    """
    found = stated_cases(forecasts, returns, horizon)
    if not {"valid", "test"} <= set(found):
        return []
    valid, test = found["valid"], found["test"]
    return [*calibration(valid, test, horizon), *gating(valid, test, horizon)]


def depth(lines: Iterable[Line]) -> pl.DataFrame:
    """The `Depth` table of some lines, in their order."""
    schema = {name: column.dtype for name, column in Depth.columns().items() if name != "place"}
    frame = pl.DataFrame([asdict(line) for line in lines], schema=schema)
    told = frame.with_columns(pl.col("value", "lower", "upper").fill_nan(None)).with_row_index("place")
    return Depth.validate(told, cast=True)
