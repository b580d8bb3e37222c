"""Replays: what no table may know, and what no order may do, as evidence of the gate."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.evaluation.gate_pictures import evidence_by_asset
from assets.table import Declaration
from expectations.decisions import decisions
from expectations.evidence import EXECUTION, FUTURE_PERTURBATION, TIMESTAMP_ORDER
from expectations.facts import RAW_FACTS
from expectations.leakage import execution, future_perturbation, timestamp_order
from expectations.tables import Bars, Calendar, ForwardReturns, RawBars
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.reach import Every
from pipelines.replay import compose, of_facts

DECISIONS = 8
SEED = 0


def add_replays(graph: Graph, tables: Mapping[str, Declaration], hour: int) -> None:
    """Add the evidence that the past stays when the future is rewritten, and that labels could be traded."""
    replay = compose(tables)
    read = {schema.asset_key for table in tables.values() for schema in table.inputs.values()}
    facts = [table.asset_key for table in RAW_FACTS if table.asset_key in read]
    targets = frozenset(key for key, table in tables.items() if table.sees_later)

    def perturb(raw: pl.LazyFrame, calendar: pl.LazyFrame, **judged: pl.LazyFrame) -> pl.DataFrame:
        """The future of the raw tables is replaced after several decisions; nothing known at them may change."""
        sessions = calendar.collect()["session"].to_list()
        instants = decisions(sessions, DECISIONS, SEED, hour)
        frames = {RawBars.asset_key: raw.collect()}
        frames |= {key: judged.pop(key.replace("/", "_")).collect() for key in facts}
        return future_perturbation(replay, frames, instants, targets, SEED, of_facts=of_facts(tables))

    judged = {key.replace("/", "_"): (key, Every(), True) for key in (*tables, *facts) if key != Calendar.asset_key}
    inputs = {"raw": (RawBars.asset_key, Every(), True), "calendar": (Calendar.asset_key, Every(), True), **judged}
    modules = ["expectations.leakage", *(table.function.__module__ for table in tables.values())]
    add_evidence(
        graph,
        "future_perturbation",
        FUTURE_PERTURBATION,
        perturb,
        inputs,
        modules,
        settings=f"{DECISIONS} {SEED} {hour}",
        draw=lambda found, **frames: {"evidence by asset": evidence_by_asset(found)},
    )

    def order(bars: pl.LazyFrame) -> pl.DataFrame:
        """By session: the last row was available no later than the decision."""
        return timestamp_order(bars.collect(), hour)

    add_evidence(
        graph,
        "timestamp_order",
        TIMESTAMP_ORDER,
        order,
        {"bars": (Bars.asset_key, Every(), True)},
        ["expectations.leakage"],
        str(hour),
    )

    def fills(labels: pl.LazyFrame, bars: pl.LazyFrame) -> pl.DataFrame:
        """By rule of execution: how many labels could not have been traded as they say."""
        return execution(labels.collect(), bars.collect())

    inputs = {"labels": (ForwardReturns.asset_key, Every(), True), "bars": (Bars.asset_key, Every(), True)}
    add_evidence(graph, "execution", EXECUTION, fills, inputs, ["expectations.leakage"])
