"""Experiment assets: what one YAML implies; a walk-forward opened, its folds trained, its verdict reported."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.evaluation.trials import Trial
from assets.folds.walk_forward import Fold, last_month, months, scheme, start_months
from assets.sources import Source
from assets.table import Declaration
from assets.training.forecasts import forecasts
from expectations.fact_tables import Industries
from expectations.tables import Forecasts, WalkForwards
from models import ModelSpec
from models.gradient_boosting import GradientBoostingSpec
from models.network import NetworkSpec
from models.served import Forecaster
from pipelines.checkpoint import Checkpoint
from pipelines.datasets import datasets_of
from pipelines.experiment import Experiment
from pipelines.fold_path import fold_panel, tables_read
from pipelines.gate import require
from pipelines.gate.said import verdict_tags
from pipelines.graph import Graph, Label
from pipelines.inputs import argument, whole, whole_by_key
from pipelines.reach import FoldMonths, months_before
from pipelines.seed_runs import SeedRuns
from pipelines.tracking import Tracking
from pipelines.trial_ledger import TrialLedger, trial_of
from pipelines.trial_mirror import tags_of


@dataclass(frozen=True)
class Walk:
    """An experiment on the way through its folds: the settings, the windows and where its runs are kept.

    ledger  where it is entered as a trial
    """

    experiment: Experiment
    features: Mapping[str, Declaration]
    folds: tuple[Fold, ...]
    graph: Graph
    tracking: Tracking
    checkpoints: Path
    source: Source
    ledger: TrialLedger

    @property
    def market(self) -> str:
        """Settings of the source."""
        return self.source.model_dump_json()

    @property
    def trial(self) -> Trial:
        """What it counts as in the ledger of trials, whatever it is called."""
        return trial_of(self.experiment, self.features, self.source, self.folds)

    @property
    def key(self) -> str:
        """Prefix of the experiment's asset keys."""
        return f"experiments/{self.experiment.name}"

    @property
    def identity(self) -> dict[str, str]:
        """Tags that find the parent run of this walk-forward: a digest of the settings, the code and the market."""
        node = self.graph.lineage.nodes[f"{self.key}/walk_forward"]
        return {"walk_forward_id": node.code_version}

    def run_of(self, fold: str, seed: int, made_from: str) -> str:
        """Id of the very run that made stored forecasts.

        made_from  what the forecasts were made from
        raises     LookupError where no run is tracked for it
        """
        identity = {**self.identity, "level": "fold", "fold": fold, "seed": str(seed), "made_from": made_from}
        runs = self.tracking.find(self.experiment.name, identity)
        if not runs:
            raise LookupError(
                f"{self.experiment.name}: fold {fold} seed {seed} has forecasts but no tracked run; materialise "
                f"{self.key}/forecasts of {fold} again"
            )
        return runs[-1]

    def saved(self, fold: str, seed: int, made_from: str) -> Forecaster:
        """The model of the run that made stored forecasts, read back; raises as `run_of`."""
        return self.tracking.forecaster(self.run_of(fold, seed, made_from))

    def checkpoint(self, fold: Fold, seed: int, learned_from: str) -> Checkpoint:
        """Where a fit keeps its state until the forecasts of its fold are there."""
        return Checkpoint(self.checkpoints / self.experiment.name / f"{fold.key}_seed_{seed}.pt", learned_from)

    @property
    def tables(self) -> dict[str, str]:
        """Keys of the tables that the panel of a fold is built of, by the names of its frames."""
        return tables_read(self)

    @property
    def seeds(self) -> range:
        """Seeds of each fold; one where the model does not depend on it."""
        return range(1 if self.experiment.model.is_deterministic else self.experiment.training.seeds)


def add_experiment(
    graph: Graph,
    experiment: Experiment,
    features: Mapping[str, Declaration],
    gates: Sequence[str],
    tracking: Tracking,
    source: Source,
    checkpoints: Path,
    ledger: TrialLedger,
) -> Walk:
    """Add the walk-forward of one experiment and its forecasts by fold; returns what its verdict is made with.

    checkpoints  folder where fits keep their state until they are done
    ledger       where the trial is entered before it is trained
    """
    windows = graph.windows(experiment.walk_forward)
    walk = Walk(experiment, features, windows, graph, tracking, checkpoints, source, ledger)
    graph.labels[experiment.name] = label_of(experiment)
    text = f"{experiment.model_dump_json(exclude={'owner'})}|{walk.market}"
    modules = ("assets.training.fit", "assets.training.forecasts", "assets.folds.walk_forward")
    graph.add(
        WalkForwards,
        lambda context: open_walk_forward(walk),
        key=f"{walk.key}/walk_forward",
        description=f"{experiment.question}\n\nThe walk-forward as an MLflow run; below it, one per fold and seed.",
        modules=modules,
        inputs={},
        settings=text,
        group=experiment.name,
        kinds=("mlflow",),
    )
    length = months(experiment.walk_forward.test)
    before = months(experiment.walk_forward.train) + months(experiment.walk_forward.valid)
    reach = FoldMonths(length, math.ceil((before + months_before(experiment.model.look_back)) / length))
    of_any_age = FoldMonths(length, math.ceil(months_before(EVERYTHING_BEFORE) / length))
    graph.add(
        Forecasts,
        lambda context, **frames: forecast_fold(walk, context, frames, gates),
        key=f"{walk.key}/forecasts",
        description=f"{Forecasts.__doc__}\n\n{experiment.question}",
        modules=modules,
        inputs={
            **{
                name: (key, of_any_age if key == Industries.asset_key else reach, True)
                for name, key in walk.tables.items()
            },
            **whole({"walk_forward": f"{walk.key}/walk_forward"}, counts=False),
            **whole_by_key(gates, counts=False),
        },
        partitions=fold_partitions(experiment, windows),
        keys=tuple(fold.key for fold in windows),
        scheme=scheme(experiment.walk_forward),
        settings=text,
        group=experiment.name,
        kinds=(library_of(experiment.model), "mlflow"),
    )
    return walk


def label_of(experiment: Experiment) -> Label:
    """Tags to filter experiments by, and who asks."""
    tags = {"model": experiment.model.kind, "horizon": str(experiment.target.horizon)}
    return Label(tags, (experiment.owner,) if experiment.owner else ())


def library_of(model: ModelSpec) -> str:
    """What a model is fitted with."""
    if isinstance(model, NetworkSpec):
        return "pytorch"
    return "lightgbm" if isinstance(model, GradientBoostingSpec) else "numpy"


def add_refused(graph: Graph, name: str, why: str) -> None:
    """Add the walk-forward of an experiment that cannot be, which fails with what is wrong when it is made."""

    def refuse(context: dg.AssetExecutionContext) -> pl.DataFrame:
        raise ValueError(why)

    group = re.sub(r"\W", "_", name)
    graph.add(
        WalkForwards,
        refuse,
        key=f"experiments/{group}/walk_forward",
        description=f"**Refused.** The other experiments are not touched by it.\n\n{why}",
        modules=("pipelines.experiment_files",),
        inputs={},
        settings=why,
        group=group,
    )


def fold_partitions(experiment: Experiment, windows: Sequence[Fold]) -> dg.TimeWindowPartitionsDefinition:
    """One partition per fold; the key is the calendar start of its test window."""
    starts = ",".join(str(month) for month in start_months(experiment.walk_forward))
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule=f"0 0 1 {starts} *", fmt="%Y-%m-%d", start=windows[0].key, end=f"{windows[-1].test_end}"
    )


def open_walk_forward(walk: Walk) -> pl.DataFrame:
    """Open the parent run, or find it, and tell its id."""
    experiment = walk.experiment
    run_id = walk.tracking.open_run(
        experiment.name,
        f"{experiment.name}, {walk.folds[0].test_start:%Y-%m} to {last_month(walk.folds[-1])}",
        {**walk.identity, "level": "walk_forward"},
        {"question": experiment.question, "market": walk.market[:4000]},
    )
    walk.tracking.log_params(run_id, experiment.flat())
    return pl.DataFrame({"walk_forward_id": [walk.identity["walk_forward_id"]], "run_id": [run_id]})


def entered(walk: Walk) -> dict[str, str]:
    """Enter the trial, where it is new; returns the tags that mirror its entry."""
    trial = walk.trial
    return tags_of(*walk.ledger.enter(trial, walk.experiment.name), trial)


def forecast_fold(
    walk: Walk, context: dg.AssetExecutionContext, frames: Mapping[str, pl.LazyFrame], gates: Sequence[str]
) -> pl.DataFrame:
    """Train one fold for every seed, track each as a run, and return the forecasts of its two windows.

    A fit is shown nothing of the test window: where nothing else changed, the model that is there speaks for the new
    sessions. The trial is entered first: its test sessions are about to be scored.
    """
    key = context.asset_key.to_user_string()
    versions = walk.graph.versions(context.instance)
    verdicts = {gate: frames[argument(gate)].collect() for gate in gates}
    require(verdicts, versions, key, context.partition_key)
    tags = verdict_tags(verdicts)
    fold = next(fold for fold in walk.folds if fold.key == context.partition_key)
    panel = fold_panel(walk, fold, frames)
    learned = panel.before(fold.test_start)
    parent = frames["walk_forward"].collect()["run_id"][0]
    walk.tracking.tag(parent, {**tags, **entered(walk)})
    made_from, learned_from = str(versions.made_from(key, fold.key)), learned.digest()
    below = {"mlflow.parentRunId": parent, "dagster_run_id": context.run_id}
    parts = {}
    datasets = datasets_of(walk.graph, versions, key, fold.key)
    with (
        SeedRuns(walk, fold, made_from, learned_from, below, tags, datasets, context.log.info) as runs,
        closing(runs.forecasters(learned)) as found,
    ):
        for seed, forecaster in found:
            parts[seed] = forecasts(panel, forecaster, seed, fold.key, walk.experiment.decided_hour)
    for seed in walk.seeds:
        walk.checkpoint(fold, seed, learned_from).drop()
    return pl.concat([parts[seed] for seed in walk.seeds])
