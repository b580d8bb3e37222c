"""Fitting: what a fold fits, shows and forecasts, tried with another test window, as evidence of the gate.

Training asks for this verdict, so nothing here reads a forecast that was kept: each check goes the path of training
itself, from the tables to a saved forecaster, on the first fold of each experiment that asks for another fit.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from assets.folds.walk_forward import Fold, later
from assets.table import Declaration
from assets.training.forecasts import forecasts
from assets.training.journal import EpochRecord
from assets.training.panel import Panel
from expectations.fitting import FIT_INSIDE_FOLD, FittedParts, fit_inside_fold
from expectations.fitting_forecasts import FORECASTS_KNOWN, forecasts_known
from expectations.fitting_rewrite import CALENDAR, INDUSTRIES, LABELS, UNIVERSE, Frames
from expectations.fitting_truth import TRUTH_WITHHELD, truth_withheld
from expectations.fitting_twins import TWINS, twins
from models.gradient_boosting import GradientBoostingSpec
from models.served import Forecaster, load
from pipelines.experiment import Experiment
from pipelines.fold_path import Study, fit_panel, fold_panel, tables_read
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.inputs import argument, whole_by_key
from pipelines.reach import months_before

SECURITIES = 60
EPOCHS = 1
TREES = 8
SEED = 0
TRAIN_ONLY = ("forecaster.json", "projection")
"""Files that say how inputs are put: validation must not move them either. What is chosen on it lies in others."""

Check = Callable[["Trial"], pl.DataFrame]


@dataclass(frozen=True)
class Trial:
    """The first fold of an experiment on few securities, as frames, and the real path over them.

    frames  calendar, universe, labels of the horizon, industries where asked for, and the feature groups
    """

    study: Study
    fold: Fold
    frames: Frames

    @property
    def experiment(self) -> Experiment:
        """The settings, with few epochs or trees."""
        return self.study.experiment

    def panel(self, frames: Frames) -> Panel:
        """The panel of the fold."""
        return fold_panel(self.study, self.fold, {name: frame.lazy() for name, frame in frames.items()})

    def fit(self, frames: Frames) -> FittedParts:
        """What a fit leaves behind: files, history, and the forecasts of the forecaster read back from its files."""
        panel = self.panel(frames)
        files, history, forecaster = self._fitted(panel)
        return FittedParts(files, _history(history), self._forecasts(panel, forecaster))

    @cached_property
    def forecaster(self) -> Forecaster:
        """Fitted on the true frames, and read back."""
        return self._fitted(self.panel(self.frames))[2]

    def forecast(self, frames: Frames) -> pl.DataFrame:
        """Forecasts of this one forecaster from other frames."""
        return self._forecasts(self.panel(frames), self.forecaster)

    def _fitted(self, panel: Panel) -> tuple[dict[str, bytes], tuple[EpochRecord, ...], Forecaster]:
        fitted = fit_panel(self.experiment, panel, SEED, lambda _: None)
        with tempfile.TemporaryDirectory() as folder:
            fitted.forecaster.save(Path(folder))
            return dict(_files(Path(folder))), fitted.history, load(Path(folder))

    def _forecasts(self, panel: Panel, forecaster: Forecaster) -> pl.DataFrame:
        return forecasts(panel, forecaster, SEED, self.fold.key, self.experiment.decided_hour)


def add_fitting(graph: Graph, tables: Mapping[str, Declaration], experiments: Mapping[str, Experiment]) -> None:
    """Add the evidence that what is fitted, shown and forecast knows nothing of the test."""
    features = {key.split("/")[1]: table for key, table in tables.items() if table.stage == "features"}
    studies = [_study(experiment, features) for experiment in distinct(experiments)]
    read = sorted({key for study in studies for key in tables_read(study).values()})
    inputs = whole_by_key(read)
    settings = json.dumps([SECURITIES, EPOCHS, TREES, SEED, *(s.experiment.model_dump_json() for s in studies)])
    for name, columns, check, module in CHECKS:
        modules = [module, "pipelines.fold_path", "assets.training.forecasts"]
        add_evidence(graph, name, columns, _made(graph, studies, columns, check), inputs, modules, settings)


def distinct(experiments: Mapping[str, Experiment]) -> list[Experiment]:
    """One experiment for each set of settings that decide what is fitted and forecast."""
    told = {"name", "question", "owner", "trading"}
    return list({e.model_dump_json(exclude=told): e for e in reversed(list(experiments.values()))}.values())[::-1]


def reduced(experiment: Experiment) -> Experiment:
    """The same experiment, ended early: one epoch, few trees; nothing else changes what a model is."""
    training = experiment.training.model_copy(update={"max_epochs": EPOCHS, "processes": 1})
    model = experiment.model
    if isinstance(model, GradientBoostingSpec):
        model = model.model_copy(update={"max_trees": min(TREES, model.max_trees)})
    return experiment.model_copy(update={"training": training, "model": model})


def trial(study: Study, fold: Fold, frames: Mapping[str, pl.LazyFrame]) -> Trial:
    """The fold of an experiment on a fixed choice of the names that are members of its universe in it."""
    experiment = study.experiment
    first = later(fold.train_start, -months_before(experiment.model.look_back))
    inside = pl.col("session").is_between(first, fold.test_end, closed="left")
    windows = pl.col("session").is_between(fold.train_start, fold.test_end, closed="left")
    members = frames[UNIVERSE].filter(windows, pl.col("is_member")).select("security_id").unique().collect()
    chosen = pl.col("security_id").is_in(_some(members["security_id"], experiment.universe.basket))
    rules = {CALENDAR: inside, INDUSTRIES: chosen, LABELS: inside & chosen & _of_horizon(experiment)}
    return Trial(
        study, fold, {name: frame.filter(rules.get(name, inside & chosen)).collect() for name, frame in frames.items()}
    )


def _some(members: pl.Series, basket: tuple[str, ...] | None) -> list[str]:
    names = members.sort().to_list() if basket is None else sorted(set(members) & set(basket))
    order = np.random.default_rng(SEED).permutation(len(names))
    return [names[place] for place in order[:SECURITIES]]


def _of_horizon(experiment: Experiment) -> pl.Expr:
    return pl.col("horizon") == experiment.target.horizon


def _study(experiment: Experiment, features: Mapping[str, Declaration]) -> Study:
    return Study(reduced(experiment), {group: features[group] for group in experiment.features})


def _made(graph: Graph, studies: list[Study], columns: pl.Schema, check: Check) -> Callable[..., pl.DataFrame]:
    """A check over the first fold of every study."""

    def make(**frames: pl.LazyFrame) -> pl.DataFrame:
        found = [columns.to_frame()]
        for study in studies:
            fold = graph.windows(study.experiment.walk_forward)[0]
            named = {name: frames[argument(key)] for name, key in tables_read(study).items()}
            found.append(check(trial(study, fold, named)))
        return pl.concat(found)

    make.__doc__ = check.__doc__
    return make


def inside_fold(tried: Trial) -> pl.DataFrame:
    """By experiment and fitted part: it stays when the test is rewritten, and follows the train window."""
    e = tried.experiment
    return fit_inside_fold(tried.fit, tried.frames, tried.fold, e.name, TRAIN_ONLY, e.decided_hour, SEED)


def known(tried: Trial) -> pl.DataFrame:
    """By experiment and decision in the test: forecasts stay when later sessions, or all labels, are rewritten."""
    e = tried.experiment
    return forecasts_known(tried.forecast, tried.frames, tried.fold, e.name, e.decided_hour, SEED)


def withheld(tried: Trial) -> pl.DataFrame:
    """By experiment and part of the panel: what a model is shown stays when the labels are permuted or removed."""
    return truth_withheld(tried.panel, tried.frames, tried.fold, tried.experiment.name, SEED)


def apart(tried: Trial) -> pl.DataFrame:
    """By experiment and boundary: no rows of a later window stand in an earlier one too."""
    return twins(tried.panel(tried.frames), tried.fold.key, tried.experiment.name, SEED)


CHECKS: tuple[tuple[str, pl.Schema, Check, str], ...] = (
    ("fit_inside_fold", FIT_INSIDE_FOLD, inside_fold, fit_inside_fold.__module__),
    ("forecasts_known", FORECASTS_KNOWN, known, forecasts_known.__module__),
    ("truth_withheld", TRUTH_WITHHELD, withheld, truth_withheld.__module__),
    ("twins", TWINS, apart, twins.__module__),
)


def _files(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of each file that a forecaster wrote; of a document, of each of its entries."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".json":
            entries = json.loads(path.read_text(encoding="utf-8"))
            yield from ((f"{path.name} {key}", json.dumps(value).encode()) for key, value in entries.items())
        elif path.is_file():
            yield path.name, path.read_bytes()


def _history(records: tuple[EpochRecord, ...]) -> bytes:
    told = [{name: value for name, value in record.metrics().items() if name != "seconds"} for record in records]
    return json.dumps(told).encode()
