"""Fold path: from the tables that a fold reads to its panel and to a fit, as training goes it and the gate after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from assets.folds.walk_forward import Fold, segments
from assets.table import Declaration
from assets.training.fit import fit
from assets.training.journal import EpochRecord, Fitted
from assets.training.normalisation import by_group
from assets.training.panel import Panel, build_panel
from expectations.fact_tables import Industries
from expectations.tables import Calendar, ForwardReturns, Universe
from pipelines.checkpoint import Checkpoint
from pipelines.experiment import Experiment


class Studied(Protocol):
    """An experiment with the declarations of its feature groups."""

    @property
    def experiment(self) -> Experiment:
        """The settings."""

    @property
    def features(self) -> Mapping[str, Declaration]:
        """Feature group -> its table."""


@dataclass(frozen=True)
class Study:
    """An experiment with the declarations of its feature groups, and nothing of its runs."""

    experiment: Experiment
    features: Mapping[str, Declaration]


def tables_read(study: Studied) -> dict[str, str]:
    """Keys of the tables that the panel of a fold is built of, by the names of its frames."""
    shared = {"calendar": Calendar.asset_key, "universe": Universe.asset_key, "labels": ForwardReturns.asset_key}
    rules = by_group(study.experiment.normalisation, study.experiment.features).values()
    industries = {"industries": Industries.asset_key} if "industry_neutral" in rules else {}
    return {**shared, **industries, **{name: table.key for name, table in study.features.items()}}


def fold_panel(study: Studied, fold: Fold, frames: Mapping[str, pl.LazyFrame]) -> Panel:
    """The panel of one fold: its features, its universe, and its labels with their segment."""
    experiment = study.experiment
    window = pl.col("session") < fold.test_end
    labels = frames["labels"].filter(window, pl.col("horizon") == experiment.target.horizon).collect()
    universe = frames["universe"].filter(window).collect()
    if experiment.universe.basket is not None:
        universe = universe.filter(pl.col("security_id").is_in(experiment.universe.basket))
    return build_panel(
        features={name: frames[name].filter(window).collect() for name in experiment.features},
        sequence={name for name, table in study.features.items() if getattr(table.schema, "is_sequence", False)},
        labels=segments(labels, fold, experiment.decided_hour),
        universe=universe,
        sessions=frames["calendar"].filter(window).collect()["session"],
        normalisation=experiment.normalisation,
        industries=frames.get("industries"),
        decided_hour=experiment.decided_hour,
    )


def fit_panel(
    experiment: Experiment,
    panel: Panel,
    seed: int,
    on_epoch: Callable[[EpochRecord], None],
    keeper: Checkpoint | None = None,
) -> Fitted:
    """Fit one seed of an experiment on the panel of a fold, in this process; `keeper` as in `fit`."""
    training = experiment.training
    return fit(panel, experiment.model, experiment.loss, training, seed, on_epoch, experiment.projection, keeper)
