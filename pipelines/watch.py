"""Watch assets: whether the champions still do what they were chosen for."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path

import dagster as dg
import polars as pl

from assets.folds.walk_forward import Fold
from assets.serving.watch_page import render_watch
from assets.serving.watching import NOW, Watch, calibrated, inputs_moved, realised, turned_over
from expectations.tables import ForwardReturns
from pipelines.champion import Champion, Market, champion_of
from pipelines.experiment_assets import Walk
from pipelines.gate.evidence import shown
from pipelines.graph import Graph
from pipelines.inputs import Read, whole_by_key

HOLDS = "nothing_alarms"
MADE = ("forecasts", "information", "portfolio")
MODULES = ("assets.serving.watching", "assets.serving.watch_page", "pipelines.champion")


def add_watch(graph: Graph, walks: Mapping[str, Walk], pages: Path) -> None:
    """Add what is seen of the champions lately, its page, and the check that nothing alarms."""
    horizons = sorted({walk.experiment.target.horizon for walk in walks.values()})
    market = Market(graph)

    def make(
        context: dg.AssetExecutionContext, **frames: pl.LazyFrame
    ) -> Generator[dg.AssetCheckResult, None, pl.DataFrame]:
        champions = {horizon: found for horizon in horizons if (found := champion_of(walks, horizon))}
        parts = [seen(market, champion) for champion in champions.values()]
        watch = Watch.validate(pl.concat([Watch.create_empty(), *parts], how="diagonal_relaxed"), cast=True)
        told = {h: market.read(f"{one.walk.key}/information").collect() for h, one in champions.items()}
        context.add_asset_metadata(_shown(render_watch(watch, told), pages), asset_key=context.asset_key)
        alarms = watch.filter("is_alarm").select(pl.format("{}: {}", "experiment", "measure")).to_series().to_list()
        yield dg.AssetCheckResult(
            check_name=HOLDS,
            passed=not alarms,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"alarms": alarms or "none"},
        )
        return watch

    graph.add(
        Watch,
        make,
        description=f"{Watch.__doc__}\n\nIts page is in the metadata.",
        modules=MODULES,
        inputs=_read(walks),
        checks=[dg.AssetCheckSpec(HOLDS, asset=Watch.asset_key.split("/"), description="Does the pattern hold?")],
        as_stored=True,
    )


def seen(market: Market, champion: Champion) -> pl.DataFrame:
    """The rows of `Watch` of one champion."""
    walk, experiment = champion.walk, champion.walk.experiment
    horizon = experiment.target.horizon
    information, portfolio, forecasts = (
        market.read(f"{walk.key}/{name}").collect() for name in ("information", "portfolio", "forecasts")
    )
    returns = market.read(ForwardReturns.asset_key).filter(pl.col("horizon") == horizon).collect()
    stated = calibrated(forecasts.filter(pl.col("segment") == "test"), returns, horizon)
    rows = [
        realised(information, horizon),
        turned_over(portfolio, horizon),
        *([stated] if stated else []),
        *_inputs(market, walk, fold_of(champion)),
    ]
    own = {"horizon": pl.lit(horizon, pl.Int64), "experiment": pl.lit(experiment.name)}
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(**own)


def fold_of(champion: Champion) -> Fold:
    """The windows on which it was fitted, or the newest where those are asked no more."""
    folds = champion.walk.folds
    return next((fold for fold in folds if fold.key == champion.fold), folds[-1])


def _inputs(market: Market, walk: Walk, fold: Fold) -> list[dict[str, object]]:
    """As many sessions of train, evenly spaced, as there are of late."""
    days = market.sessions()
    trained = days.filter(days.is_between(fold.train_start, fold.valid_start, closed="left"))
    learned = trained.gather_every(max(len(trained) // NOW, 1)).to_list()
    return inputs_moved(market.cells(walk, learned), market.cells(walk, days.tail(NOW).to_list()))


def _read(walks: Mapping[str, Walk]) -> dict[str, Read]:
    tables = {key for walk in walks.values() for key in walk.tables.values()}
    own = {f"{walk.key}/{name}" for walk in walks.values() for name in MADE}
    return whole_by_key(sorted(tables | own | {ForwardReturns.asset_key, "evaluation/promotions"}))


def _shown(files: Mapping[str, bytes], pages: Path) -> dict[str, dg.MetadataValue]:
    """Write the page and its pictures; returns what the UI shows of them."""
    pages.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (pages / name).write_bytes(content)
    pictures = {name: content for name, content in files.items() if name.endswith(".png")}
    return {
        "page": dg.MetadataValue.url((pages / "watch.html").as_uri()),
        **{name.removesuffix(".png"): shown(content, name.removesuffix(".png")) for name, content in pictures.items()},
    }
