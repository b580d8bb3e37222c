"""World: a synthetic market in memory, every table of it, and experiments that walk forward through them."""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import polars as pl
import yaml

from assets.folds.walk_forward import later, months
from assets.sources import Source
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.sources.yaml_settings import read_mapping
from assets.table import declarations
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from assets.training.panel import Panel
from expectations.tables import LONGEST_CLOSURE, ForwardReturns
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.experiment import Experiment
from pipelines.experiment_assets import Walk
from pipelines.fold_path import fold_panel
from pipelines.project import Project, load_project
from pipelines.replay import made, read_by
from pipelines.settings import Settings

Frames = Mapping[str, pl.DataFrame]


def tables_of(spec: Source, keys: Collection[str] | None = None) -> dict[str, pl.DataFrame]:
    """Every table that the project makes of the market, by asset key; or those of `keys` and what they read."""
    span = (spec.first_session(), spec.last_session())
    raw = {table.asset_key: spec.read(table, *span) for table in spec.offers()}
    every = in_order(declarations(*modules_of(STAGES)))
    return made(every if keys is None else read_by(keys, every), raw)


def beginning_with(spec: SyntheticMarketSpec, experiments: Path, folder: Path) -> Path:
    """The experiments of a folder with windows that begin with the market, as files of another folder, which is made.

    The first training window begins in the market's first whole month; the lengths of the windows stay.
    """
    first = spec.first_session() - LONGEST_CLOSURE
    folder.mkdir(parents=True)
    for path in sorted(experiments.glob("*.yaml")):
        settings = read_mapping(path, "YAML")
        if "walk_forward" in settings:
            windows = settings["walk_forward"]
            before = months(windows["train"]) + months(windows["valid"])
            settings["walk_forward"] = {**windows, "first_test": later(first, 1 + before)}
        (folder / path.name).write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


def project_of(source: Source, home: Path, experiments: Path) -> Project:
    """The project over the market with the experiments of a folder; what it would keep lies in `home`."""
    settings = Settings(
        market=source.kind,
        name="world",
        source=source,
        home=home,
        warehouse=str(home / "warehouse"),
        tracking_uri=f"sqlite:///{home / 'mlflow.db'}",
        experiments=experiments,
    )
    return load_project(settings)


def first_fold(market: str, seed: int, experiments: Path) -> tuple[Experiment, Panel, pl.DataFrame]:
    """The one experiment of a folder on a market: its settings, the panel of its first fold, the forward returns.

    market  specification of a synthetic market, YAML; it is drawn with the seed
    """
    settings = yaml.safe_load(Path(market).read_text(encoding="utf-8"))
    spec = SyntheticMarketSpec.model_validate({**settings, "seed": seed})
    tables = tables_of(spec)
    with tempfile.TemporaryDirectory() as folder:
        asked = beginning_with(spec, experiments, Path(folder) / "asked")
        (walk,) = project_of(spec, Path(folder), asked).walks.values()
    panel = fold_panel(walk, walk.folds[0], {name: tables[key].lazy() for name, key in walk.tables.items()})
    return walk.experiment, panel, tables[ForwardReturns.asset_key]


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
