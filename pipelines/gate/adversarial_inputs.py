"""Adversarial inputs: whether what an experiment's model is given tells its test window from its train window."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date

import numpy as np
import polars as pl

from assets.folds.walk_forward import Fold
from assets.training.normalisation import by_group
from assets.training.panel import TEST, TRAIN, Panel, build_panel
from expectations.adversarial import ADVERSARIAL_INPUTS, INPUTS_PARTED, RAW_INPUTS_PARTED, adversarial_inputs
from expectations.fact_tables import Industries
from expectations.tables import Calendar, Universe
from pipelines.experiment import Experiment
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.inputs import whole

SESSIONS_OF_A_WINDOW = 20


def add_adversarial_inputs(graph: Graph, experiments: Mapping[str, Experiment]) -> None:
    """Add the evidence on the inputs of every fold, as the model is given them; equal inputs are looked at once."""
    distinct = _distinct(experiments)
    groups = sorted({group for experiment in distinct.values() for group in experiment.features})

    def tell(
        calendar: pl.LazyFrame, universe: pl.LazyFrame, industries: pl.LazyFrame, **features: pl.LazyFrame
    ) -> pl.DataFrame:
        """By experiment and fold: how well a small logistic regression tells test rows from train rows.

        Inputs in the terms of their session are near one half. Experiments with the same inputs stand under the first.
        """
        found = [
            _told(name, experiment, fold, (calendar, universe, industries), features)
            for name, experiment in distinct.items()
            for fold in graph.windows(experiment.walk_forward)
        ]
        return pl.concat(found) if found else ADVERSARIAL_INPUTS.to_frame()

    market = {"calendar": Calendar.asset_key, "universe": Universe.asset_key, "industries": Industries.asset_key}
    keys = {**market, **{group: f"features/{group}" for group in groups}}
    add_evidence(
        graph,
        "adversarial_inputs",
        ADVERSARIAL_INPUTS,
        tell,
        whole(keys),
        ["expectations.adversarial", "assets.training.panel", "assets.folds.walk_forward"],
        json.dumps({name: [_inputs_of(e), len(graph.windows(e.walk_forward))] for name, e in distinct.items()}),
    )


def _distinct(experiments: Mapping[str, Experiment]) -> dict[str, Experiment]:
    """The first experiment of each set of inputs and windows, by name."""
    found: dict[str, tuple[str, Experiment]] = {}
    for name, experiment in experiments.items():
        found.setdefault(_inputs_of(experiment), (name, experiment))
    return dict(found.values())


def _inputs_of(experiment: Experiment) -> str:
    """What decides the inputs of an experiment, as text."""
    return experiment.model_dump_json(include={"features", "normalisation", "universe", "walk_forward", "decided_hour"})


def _told(
    name: str,
    experiment: Experiment,
    fold: Fold,
    market: tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame],
    features: Mapping[str, pl.LazyFrame],
) -> pl.DataFrame:
    panel = _panel(experiment, fold, market, features)
    parts = [(panel.member_ST & (panel.segment_ST == segment)) for segment in (TRAIN, TEST)]
    if not all(part.any() for part in parts):
        return ADVERSARIAL_INPUTS.to_frame()
    train, test = (panel.x_STF[part].astype(np.float64) for part in parts)
    sessions = tuple(np.nonzero(part)[1] for part in parts)
    is_raw = "none" in by_group(experiment.normalisation, experiment.features).values()
    bound = RAW_INPUTS_PARTED if is_raw else INPUTS_PARTED
    return adversarial_inputs(name, fold.key, panel.columns, train, test, (sessions[0], sessions[1]), bound)


def _panel(
    experiment: Experiment,
    fold: Fold,
    market: tuple[pl.LazyFrame, pl.LazyFrame, pl.LazyFrame],
    features: Mapping[str, pl.LazyFrame],
) -> Panel:
    """The panel of a fold on some of its train and test sessions; each is normalised by itself, so none is missed."""
    calendar, universe, industries = market
    days = calendar.select("session").collect()["session"].sort().to_list()
    windows = {"train": (fold.train_start, fold.valid_start), "test": (fold.test_start, fold.test_end)}
    chosen = {segment: _thinned([d for d in days if first <= d < end]) for segment, (first, end) in windows.items()}
    on = {day: segment for segment, some in chosen.items() for day in some}
    inside = pl.col("session").is_in(list(on))
    members = universe.filter(inside).collect()
    if experiment.universe.basket is not None:
        members = members.filter(pl.col("security_id").is_in(experiment.universe.basket))
    labels = members.select(
        "session",
        "security_id",
        forward_return=pl.lit(None, dtype=pl.Float64),
        segment=pl.col("session").replace_strict(on, return_dtype=pl.String),
    )
    rules = by_group(experiment.normalisation, experiment.features).values()
    return build_panel(
        features={group: features[group].filter(inside).collect() for group in experiment.features},
        sequence=set(),
        labels=labels,
        universe=members,
        sessions=sorted(on),
        normalisation=experiment.normalisation,
        industries=industries if "industry_neutral" in rules else None,
        decided_hour=experiment.decided_hour,
    )


def _thinned(days: Sequence[date]) -> list[date]:
    step = max(1, len(days) // SESSIONS_OF_A_WINDOW)
    return list(days[::step])
