"""Depth assets: the figures of an experiment part by part, as one table, made once."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.evaluation.cases import cases
from assets.evaluation.depth import Depth, depth, of_confidence, of_forecasts, of_portfolio
from assets.evaluation.information import seed_averaged
from expectations.fact_tables import FloatShares, IndexBars, Industries
from expectations.tables import Bars, ForwardReturns
from pipelines.experiment import Experiment
from pipelines.experiment_assets import Walk
from pipelines.inputs import whole

KEY = ("session", "security_id")


def add_depth(walk: Walk) -> None:
    """Add the table Depth of an experiment; its settings are those of the target and of trading."""
    experiment = walk.experiment
    read = {
        **{name: f"{walk.key}/{name}" for name in ("forecasts", "portfolio", "orders")},
        "labels": ForwardReturns.asset_key,
        "bars": Bars.asset_key,
        "float_shares": FloatShares.asset_key,
        "industries": Industries.asset_key,
        "index_bars": IndexBars.asset_key,
    }
    walk.graph.add(
        Depth,
        lambda context, **frames: depth_of(experiment, frames),
        key=f"{walk.key}/depth",
        description=Depth.__doc__ or "",
        modules=("assets.evaluation.cases", "assets.evaluation.depth", "assets.evaluation.information"),
        inputs=whole(read),
        settings=f"{experiment.target.model_dump_json()}{experiment.trading.model_dump_json()}{experiment.decided_hour}",
        group=experiment.name,
    )


def depth_of(experiment: Experiment, frames: Mapping[str, pl.LazyFrame]) -> pl.DataFrame:
    """The Depth table of the test window; the cases are laid out once and shared by every part."""
    tables = {name: _needed(name, frame).collect() for name, frame in frames.items()}
    forecasts, bars = tables["forecasts"], tables["bars"]
    labels = tables["labels"].filter(pl.col("session").is_in(forecasts["session"].unique().implode()))
    horizon, trading = experiment.target.horizon, experiment.trading
    laid = cases(
        seed_averaged(forecasts.filter(pl.col("segment") == "test")),
        labels,
        bars,
        tables["float_shares"],
        tables["industries"],
        horizon,
        experiment.decided_hour,
    )
    return depth(
        [
            *of_forecasts(laid, trading.top_k),
            *of_portfolio(
                tables["portfolio"], tables["orders"], bars, tables["index_bars"], laid, trading.hold_sessions
            ),
            *of_confidence(forecasts, labels, horizon),
        ]
    )


def _needed(name: str, frame: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of a large table that are looked at."""
    needed = {
        "labels": (*KEY, "horizon", "forward_return"),
        "bars": (*KEY, "board", "close", "prev_close", "adj_factor", "is_suspended", "available_at"),
    }
    return frame.select(needed[name]) if name in needed else frame
