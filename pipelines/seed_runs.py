"""Seed runs: each seed of a fold as a tracked run, which begins with its fit and ends with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from assets.folds.walk_forward import Fold, last_month
from assets.training.journal import Fitted
from assets.training.memory import GIB
from assets.training.panel import Panel
from models.windows import Windows
from pipelines.checkpoint import Checkpoint
from pipelines.datasets import Dataset
from pipelines.progress import Progress, longest
from pipelines.seeds import Plan, fits, plan
from pipelines.settings import ROOT

if TYPE_CHECKING:
    from pipelines.experiment_assets import Walk

PYFUNC = ROOT / "models" / "pyfunc_model.py"


class SeedRuns:
    """The runs of the seeds of a fold; those that have begun and not ended fail where the work inside raises.

    made_from  what the forecasts are made from
    below      tags that a new run is created with: its parent, and who launched it
    tags       tags of every run, also of one that goes on
    datasets   tables that the panel of the fold is built of
    say        takes a line for the log
    """

    def __init__(
        self,
        walk: Walk,
        fold: Fold,
        made_from: str,
        below: Mapping[str, str],
        tags: Mapping[str, str],
        datasets: Sequence[Dataset],
        say: Callable[[str], None],
    ) -> None:
        self.walk, self.fold, self.made_from = walk, fold, made_from
        self.below, self.tags, self.datasets, self.say = below, tags, datasets, say
        self.plan = Plan(1)
        self._begun: dict[int, Progress] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for progress in self._begun.values():
            self.walk.tracking.client.set_terminated(progress.run_id, status="FAILED")

    def fits(self, panel: Panel) -> Generator[tuple[int, Fitted]]:
        """Each seed and its fit, as they end; one that an earlier process was killed in goes on."""
        walk = self.walk
        self.plan = plan(walk.experiment, panel, len(walk.seeds))
        self.say(f"{len(walk.seeds)} seeds, {self.plan}")
        folder = walk.checkpoints / walk.experiment.name / f"{self.fold.key}_panel"
        return fits(walk.experiment, panel, walk.seeds, self.plan.at_once, self.begin, self.keeper, folder)

    def keeper(self, seed: int) -> Checkpoint:
        """Where the fit of a seed keeps its state."""
        return self.walk.checkpoint(self.fold, seed, self.made_from)

    def begin(self, seed: int) -> Progress:
        """Open the run of a seed, or find it; gives what is told of its epochs."""
        walk, memory = self.walk, self.plan.memory
        identity = {**walk.identity, "level": "fold", "fold": self.fold.key, "seed": str(seed)}
        identity["made_from"] = self.made_from
        name = f"{self.fold.test_start:%Y-%m} to {last_month(self.fold)}, seed {seed}"
        run_id = walk.tracking.open_run(walk.experiment.name, name, identity, self.below)
        self._begun[seed] = Progress(walk.tracking, run_id, seed, longest(walk.experiment), self.say)
        walk.tracking.tag(run_id, self.tags)
        walk.tracking.log_params(run_id, {**walk.experiment.flat(), "fold": self.fold.key, "seed": seed})
        walk.tracking.log_datasets(run_id, self.datasets, walk.graph.warehouse.root, "walk-forward")
        if memory is not None:
            walk.tracking.log_curve(run_id, {0: {"memory_gib_estimated": memory.whole / GIB}})
        return self._begun[seed]

    def end(self, seed: int, fitted: Fitted) -> None:
        """Log curve, figures and model of a fit, and end its run."""
        progress = self._begun[seed]
        progress.flush()
        track_fit(self.walk, progress.run_id, fitted)
        self.walk.tracking.client.set_terminated(progress.run_id, status="FINISHED")
        del self._begun[seed]


def track_fit(walk: Walk, run_id: str, fitted: Fitted) -> None:
    """Log last figures and model of one fit."""
    walk.tracking.log_curve(run_id, {fitted.best.epoch: fitted.metrics()})
    with tempfile.TemporaryDirectory() as folder:
        fitted.forecaster.save(Path(folder))
        shape = (1, walk.experiment.model.look_back, len(fitted.forecaster.columns))
        example = Windows(np.zeros(shape, dtype=np.float32), np.array(["sh600000"]), np.zeros(1, dtype=np.intp))
        walk.tracking.log_model(run_id, Path(folder), PYFUNC, example.named())
