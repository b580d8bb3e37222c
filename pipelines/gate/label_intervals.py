"""Label intervals: whether labels are bought and sold when they say, as evidence of the gate."""

from __future__ import annotations

import polars as pl

from expectations.evidence import EXECUTION
from expectations.fills import execution, fills
from expectations.label_intervals import LABEL_INTERVALS, label_intervals
from expectations.tables import Bars, Calendar, ForwardReturns
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.inputs import whole

READ = {"labels": ForwardReturns, "bars": Bars, "calendar": Calendar}


def add_label_intervals(graph: Graph, hour: int) -> None:
    """Add the evidence of labels made a second time, and of what their sessions allowed."""

    def again(labels: pl.LazyFrame, bars: pl.LazyFrame, calendar: pl.LazyFrame) -> pl.DataFrame:
        """By horizon and column: how many labels a second reading of the bars does not confirm."""
        return label_intervals(labels.collect(), bars.collect(), calendar.collect())

    def filled(labels: pl.LazyFrame, bars: pl.LazyFrame, calendar: pl.LazyFrame) -> pl.DataFrame:
        """By rule: how many filled labels no order could have had."""
        return fills(labels.collect(), bars.collect(), calendar.collect(), hour)

    def tradable(labels: pl.LazyFrame, bars: pl.LazyFrame) -> pl.DataFrame:
        """By rule of execution: how many labels could not have been traded as they say."""
        return execution(labels.collect(), bars.collect())

    inputs = whole({name: table.asset_key for name, table in READ.items()})
    add_evidence(graph, "label_intervals", LABEL_INTERVALS, again, inputs, ["expectations.label_intervals"])
    add_evidence(graph, "fills", EXECUTION, filled, inputs, ["expectations.fills"], str(hour))
    traded = whole({name: READ[name].asset_key for name in ("labels", "bars")})
    add_evidence(graph, "execution", EXECUTION, tradable, traded, ["expectations.fills"])
