"""Purging: whether the windows of every fold are apart by true label intervals, as evidence of the gate."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from assets.evaluation.gate_pictures import fold_timeline
from assets.evaluation.report import windows_of
from assets.folds.walk_forward import segments
from expectations.evidence import PURGE
from expectations.leakage import purge
from expectations.tables import ForwardReturns
from pipelines.experiment import Experiment
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.inputs import whole


def add_purging(graph: Graph, experiments: Mapping[str, Experiment]) -> None:
    """Add the evidence that no label reaches into a later window."""

    def separate(labels: pl.LazyFrame) -> pl.DataFrame:
        """By fold and boundary: the last exit before it and the first decision after it."""
        found = [_purge_of(labels, experiment, graph) for experiment in _distinct(experiments)]
        return pl.concat(found) if found else PURGE.to_frame()

    def draw(found: pl.DataFrame, labels: pl.LazyFrame) -> dict[str, bytes]:
        """The windows of every distinct walk-forward, by the name of its first experiment."""
        sessions = labels.select(pl.col("session").unique().sort()).collect()["session"]
        return {
            f"folds of {experiment.name}": fold_timeline(
                windows_of(graph.windows(experiment.walk_forward), sessions, experiment.target.horizon)
            )
            for experiment in _distinct(experiments)
        }

    inputs = whole({"labels": ForwardReturns.asset_key})
    settings = json.dumps(
        [[e.walk_forward.model_dump_json(), len(graph.windows(e.walk_forward))] for e in experiments.values()]
    )
    modules = ["expectations.leakage", "assets.folds.walk_forward"]
    add_evidence(graph, "purge", PURGE, separate, inputs, modules, settings, draw)


def _distinct(experiments: Mapping[str, Experiment]) -> list[Experiment]:
    """One experiment for each set of windows, horizon and hour."""
    return list({(e.walk_forward, e.target.horizon, e.decided_hour): e for e in experiments.values()}.values())


def _purge_of(labels: pl.LazyFrame, experiment: Experiment, graph: Graph) -> pl.DataFrame:
    frame = labels.filter(pl.col("horizon") == experiment.target.horizon).collect()
    hour = experiment.decided_hour
    return pl.concat(purge(segments(frame, fold, hour), fold, hour) for fold in graph.windows(experiment.walk_forward))
