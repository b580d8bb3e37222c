"""Outside knowledge: whether what was learnt elsewhere ends before every test, as evidence of the gate."""

from __future__ import annotations

import json
from collections.abc import Mapping

import polars as pl

from assets.table import Declaration
from expectations.evidence import KNOWLEDGE_CUTOFF
from expectations.knowledge import knowledge_cutoff
from pipelines.experiment import Experiment
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph


def add_outside_knowledge(
    graph: Graph, tables: Mapping[str, Declaration], experiments: Mapping[str, Experiment]
) -> None:
    """Add the evidence that no feature group of an experiment knows of its tests."""
    asked = {
        name: {group: tables[f"features/{group}"].knowledge_cutoff for group in experiment.features}
        for name, experiment in experiments.items()
    }

    def outside() -> pl.DataFrame:
        """By experiment, feature group and fold: the last day that the group may know of lies before the test."""
        found = [
            knowledge_cutoff(name, groups, graph.windows(experiments[name].walk_forward))
            for name, groups in asked.items()
        ]
        return pl.concat(found) if found else KNOWLEDGE_CUTOFF.to_frame()

    windows = {name: [fold.key for fold in graph.windows(e.walk_forward)] for name, e in experiments.items()}
    settings = json.dumps([windows, asked], default=str)
    modules = ["expectations.knowledge", "assets.folds.walk_forward"]
    add_evidence(graph, "knowledge_cutoff", KNOWLEDGE_CUTOFF, outside, {}, modules, settings)
