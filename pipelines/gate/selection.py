"""Selection: whether what is chosen follows validation alone, as evidence of the gate that the leaderboard asks for."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from expectations.selection import SELECTION, Choose, selection
from pipelines.gate.evidence import add_evidence
from pipelines.gate.verdicts import add_verdict
from pipelines.graph import Graph
from pipelines.inputs import whole

SEED = 0


def add_selection(graph: Graph, reports: Mapping[str, str], choose: Choose) -> str:
    """Add the evidence and the verdict over the choice among experiments; returns the key of the verdict.

    reports  experiment -> key of its report
    choose   summaries by experiment -> every choice that is made
    """

    def chosen(**frames: pl.LazyFrame) -> pl.DataFrame:
        """By choice: it stays with other figures of the test, and moves with other figures of validation."""
        return selection(choose, {name: frame.collect() for name, frame in frames.items()}, SEED)

    inputs = whole(reports)
    modules = ["expectations.selection", "assets.evaluation.leaderboard", "pipelines.report_assets"]
    add_evidence(graph, "selection", SELECTION, chosen, inputs, modules, settings=" ".join(reports))
    return add_verdict(graph, "selection", ["selection"])
