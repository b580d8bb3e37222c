"""Counts: whether every raw row is accounted for, as evidence of the gate."""

from __future__ import annotations

import polars as pl

from expectations.completeness import counts
from expectations.evidence import COUNTS
from expectations.tables import Bars, RawBars, RefusedBars
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.inputs import whole


def add_counts(graph: Graph) -> None:
    """Add the evidence that no raw row is lost."""

    def reconcile(raw: pl.LazyFrame, bars: pl.LazyFrame, refused: pl.LazyFrame) -> pl.DataFrame:
        """By month: raw = kept + refused, the share refused, and the sessions found."""
        return counts(raw.collect(), bars.collect(), refused.collect())

    inputs = whole({"raw": RawBars.asset_key, "bars": Bars.asset_key, "refused": RefusedBars.asset_key})
    add_evidence(graph, "counts", COUNTS, reconcile, inputs, ["expectations.completeness"])
