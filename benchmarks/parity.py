"""Parity: every model loaded back from MLflow must reproduce the forecasts that were stored, to the bit on the CPU.

Run after `make demo`, with the same MARKET. For each experiment, fold and seed the model of its run is loaded as a
pyfunc, fed the raw windows of the fold, and compared with the table of forecasts.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import dagster as dg
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.folds.walk_forward import Fold
from assets.training.forecasts import forecasts
from benchmarks.outcome import Demand, end, not_possible, options
from models.outlook import Outlook
from models.windows import Windows
from pipelines.experiment_assets import Walk
from pipelines.fold_path import fold_panel
from pipelines.home import be_quiet, prepare_home
from pipelines.project import Project, load_project
from pipelines.settings import read_settings

KEYS = ("session", "security_id", "seed")


@dataclass(frozen=True)
class Loaded:
    """A pyfunc model in the place of the forecaster that was saved."""

    spec: Any
    columns: tuple[str, ...]
    model: Any

    def predict(self, asked: Windows) -> Outlook[NDArray[np.float64]]:
        """What is stated of raw windows, as a server would give it."""
        return Outlook(**self.model.predict(asked.named()))

    def save(self, folder: object) -> None:
        """A served model is not saved again."""
        raise NotImplementedError


def main() -> int:
    """Print the largest difference of each experiment and fold."""
    options(str(__doc__))
    settings = read_settings()
    if not settings.dagster_home.exists():
        return not_possible(f"no runs of the market {settings.market} yet: make demo MARKET=... first")
    prepare_home(settings)
    be_quiet()
    project = load_project(settings)
    differences: dict[str, float] = {}
    models = 0
    print(f"{'experiment':20} {'fold':12} {'seed':>4} {'forecasts':>10} {'largest difference':>20}")
    for walk in project.walks.values():
        for fold in walk.folds:
            for seed, rows, difference in _fold_differences(project, walk, fold):
                print(f"{walk.experiment.name:20} {fold.key:12} {seed:4} {rows:10} {difference:20.3g}", flush=True)
                differences[walk.experiment.name] = max(difference, differences.get(walk.experiment.name, 0.0))
                models += 1
    if not models:
        return not_possible("no fold has been trained yet: make demo first")
    figures = {"max_difference": max(differences.values()), "models": models, "experiments": len(differences)}
    return end(figures, [Demand("max_difference", 0.0, at_least=False)])


def _fold_differences(project: Project, walk: Walk, fold: Fold) -> Iterator[tuple[int, int, float]]:
    import mlflow

    stored = project.graph.warehouse.read(f"{walk.key}/forecasts", [fold.key]).collect()
    panel = fold_panel(walk, fold, _frames(project, walk))
    with dg.DagsterInstance.get() as instance:
        made_from = project.graph.versions(instance).stamps(f"{walk.key}/forecasts")[fold.key].made_from
    for seed in walk.seeds:
        model = mlflow.pyfunc.load_model(f"runs:/{walk.run_of(fold.key, seed, made_from)}/model")
        loaded = Loaded(walk.experiment.model, panel.columns, model)
        again = forecasts(panel, loaded, seed, fold.key, walk.experiment.decided_hour)
        both = stored.filter(pl.col("seed") == seed).join(again, on=KEYS, how="full", suffix="_again")
        apart = (both["forecast"] - both["forecast_again"]).abs()
        yield seed, both.height, float("inf") if apart.null_count() else float(str(apart.max()))


def _frames(project: Project, walk: Walk) -> Mapping[str, pl.LazyFrame]:
    """The tables of a fold's panel by the names that training gives them, from the partitions that it reads."""
    return {name: project.graph.warehouse.read(key) for name, key in walk.tables.items()}


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
