"""Seed runs: each seed of a fold as a tracked run, which begins with its fit and ends with it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from assets.folds.walk_forward import Fold, last_month
from assets.training.journal import Fitted
from assets.training.memory import GIB
from assets.training.panel import Panel
from models.served import Forecaster
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

    made_from     what the forecasts are made from
    learned_from  hash of all that the fits are shown: a model that learned from the same is not fitted again
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
        learned_from: str,
        below: Mapping[str, str],
        tags: Mapping[str, str],
        datasets: Sequence[Dataset],
        say: Callable[[str], None],
    ) -> None:
        self.walk, self.fold = walk, fold
        self.made_from, self.learned_from = made_from, learned_from
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

    def forecasters(self, learned: Panel) -> Generator[tuple[int, Forecaster]]:
        """Each seed and its model: those that are there, then the others as their fits end.

        A fit that an earlier process was killed in goes on.
        """
        walk = self.walk
        there = {seed: run for seed in walk.seeds if (run := self.ended(seed))}
        for seed, run_id in there.items():
            walk.tracking.tag(run_id, {**self.tags, "made_from": self.made_from})
            yield seed, walk.tracking.forecaster(run_id)
        wanted = [seed for seed in walk.seeds if seed not in there]
        if there:
            self.say(f"{len(there)} of {len(walk.seeds)} seeds have learned from the same before")
        if not wanted:
            return
        self.plan = plan(walk.experiment, learned, len(wanted))
        self.say(f"{len(wanted)} seeds, {self.plan}")
        folder = walk.checkpoints / walk.experiment.name / f"{self.fold.key}_panel"
        with closing(
            fits(walk.experiment, learned, wanted, self.plan.at_once, self.begin, self.keeper, folder)
        ) as found:
            for seed, fitted in found:
                self.end(seed, fitted)
                yield seed, fitted.forecaster

    def ended(self, seed: int) -> str | None:
        """The newest run of a seed that ended with a model and had learned from the same."""
        runs = self.walk.tracking.find(self.walk.experiment.name, self.identity(seed), finished=True)
        return next((run_id for run_id in reversed(runs) if self.walk.tracking.models(run_id)), None)

    def identity(self, seed: int) -> dict[str, str]:
        """Tags that find the run of a seed."""
        own = {"level": "fold", "fold": self.fold.key, "seed": str(seed), "learned_from": self.learned_from}
        return {**self.walk.identity, **own}

    def keeper(self, seed: int) -> Checkpoint:
        """Where the fit of a seed keeps its state."""
        return self.walk.checkpoint(self.fold, seed, self.learned_from)

    def begin(self, seed: int) -> Progress:
        """Open the run of a seed, or find it; gives what is told of its epochs."""
        walk, memory = self.walk, self.plan.memory
        name = f"{self.fold.test_start:%Y-%m} to {last_month(self.fold)}, seed {seed}"
        run_id = walk.tracking.open_run(walk.experiment.name, name, self.identity(seed), self.below)
        self._begun[seed] = Progress(walk.tracking, run_id, seed, longest(walk.experiment), self.say)
        walk.tracking.tag(run_id, {**self.tags, "made_from": self.made_from})
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
