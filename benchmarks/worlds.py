"""World: a synthetic market in memory, every table of it, and experiments that walk forward through them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import polars as pl

from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from pipelines.experiment_assets import Walk, fold_panel
from pipelines.project import STAGES, Project, in_order, load_project, modules_of
from pipelines.replay import made
from pipelines.settings import Settings

Frames = Mapping[str, pl.DataFrame]


def tables_of(spec: SyntheticMarketSpec) -> dict[str, pl.DataFrame]:
    """Every table that the project makes of the market, by asset key."""
    span = (spec.first_session(), spec.last_session())
    raw = {table.asset_key: spec.read(table, *span) for table in spec.offers()}
    return made(in_order(declarations(*modules_of(STAGES))), raw)


def project_of(spec: SyntheticMarketSpec, home: Path, experiments: Path) -> Project:
    """The project over the market with the experiments of a folder; what it would keep lies in `home`."""
    settings = Settings(
        market="synthetic_market",
        name="world",
        source=spec,
        home=home,
        warehouse=str(home / "warehouse"),
        tracking_uri=f"sqlite:///{home / 'mlflow.db'}",
        experiments=experiments,
    )
    return load_project(settings)


def walk_forward(walk: Walk, tables: Frames) -> pl.DataFrame:
    """Forecasts of every fold and seed."""
    frames = {name: tables[key].lazy() for name, key in walk.tables.items()}
    return pl.concat(_fold_forecasts(walk, frames))


def _fold_forecasts(walk: Walk, frames: Mapping[str, pl.LazyFrame]) -> Iterator[pl.DataFrame]:
    experiment = walk.experiment
    for fold in walk.folds:
        panel = fold_panel(walk, fold, frames)
        for seed in walk.seeds:
            fitted = fit(
                panel,
                experiment.model,
                experiment.loss,
                experiment.training,
                seed,
                lambda _: None,
                experiment.projection,
            )
            yield forecasts(panel, fitted.forecaster, seed, fold.key, experiment.decided_hour)
