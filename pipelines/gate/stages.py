"""Stages: which evidence each verdict of the gate rests on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assets.table import Declaration
from expectations.decisions import DECIDED_HOUR
from pipelines.cold_replay import Declared
from pipelines.experiment import Experiment
from pipelines.gate.counts import add_counts
from pipelines.gate.data_docs import add_data_docs
from pipelines.gate.fitting import add_fitting
from pipelines.gate.label_intervals import add_label_intervals
from pipelines.gate.membership import add_membership
from pipelines.gate.outside_knowledge import add_outside_knowledge
from pipelines.gate.purging import add_purging
from pipelines.gate.replays import add_replays
from pipelines.gate.verdicts import add_verdict
from pipelines.gate.vintage import add_vintage
from pipelines.graph import Graph

STAGES: Mapping[str, tuple[str, ...]] = {
    "data": ("counts", "vintage", "stamps", "membership"),
    "leakage": (
        "future_perturbation",
        "adjustment_invariance",
        "timestamp_order",
        "input_order",
        "execution",
        "fills",
        "label_intervals",
    ),
    "purge": ("purge",),
    "knowledge": ("knowledge_cutoff",),
    "fit": ("fit_inside_fold", "forecasts_known", "truth_withheld", "twins"),
}


def add_gates(
    graph: Graph,
    tables: Mapping[str, Declaration],
    again: Declared,
    experiments: Mapping[str, Experiment],
    pages: Path | None = None,
) -> tuple[str, ...]:
    """Add the evidence and the verdict of every stage, and the pages that show them; returns the keys of the verdicts.

    again  declares the same tables in another process
    pages  folder of the Data Docs; without it there are none
    """
    hours = {experiment.decided_hour for experiment in experiments.values()} or {DECIDED_HOUR}
    add_counts(graph)
    add_replays(graph, tables, again, min(hours))
    add_vintage(graph, tables, min(hours))
    add_membership(graph)
    add_label_intervals(graph, min(hours))
    add_purging(graph, experiments)
    add_outside_knowledge(graph, tables, experiments)
    add_fitting(graph, tables, experiments)
    gates = tuple(add_verdict(graph, stage, names, pages) for stage, names in STAGES.items())
    if pages:
        add_data_docs(graph, gates, pages)
    return gates
