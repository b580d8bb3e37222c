"""Replays: what no table may know, as evidence of the gate."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime

import polars as pl

from assets.evaluation.gate_pictures import evidence_by_asset
from assets.table import Declaration
from expectations.adjustment_invariance import ADJUSTMENT_INVARIANCE, adjustment_invariance
from expectations.decisions import decisions, telling_sessions
from expectations.evidence import FUTURE_PERTURBATION
from expectations.facts import RAW_FACTS
from expectations.tables import Bars, Calendar, RawBars
from pipelines.cold_replay import Declared, StoredMarket, replayed_cold
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.inputs import argument, whole
from pipelines.replay import steps

DECISIONS = 24
RELEVELLED = 3
SEED = 0


def add_replays(graph: Graph, tables: Mapping[str, Declaration], again: Declared, hour: int) -> None:
    """Add the evidence that the past stays when the future is rewritten, and when prices begin at another level.

    again  declares the same tables in another process
    """
    keys = [*tables, RawBars.asset_key, *(table.asset_key for table in RAW_FACTS)]
    months = [str(month) for month in graph.month_keys]

    def stored_market(sessions: list[date]) -> StoredMarket:
        return StoredMarket(again, months, {key: graph.warehouse.files(key, months) for key in keys}, sessions)

    def perturb(calendar: pl.LazyFrame, bars: pl.LazyFrame, **judged: pl.LazyFrame) -> pl.DataFrame:
        """After 24 decisions the future of the raw rows is replaced: nothing that was stored of the past may change.

        Each table is made again from what is stored of its inputs up to the decision and from another future of them.
        They are made in a new process, where nothing is remembered. The decisions fall on every weekday, on first and
        last sessions of months, on ex-dates and on limits.
        """
        sessions, instants = _instants(calendar, bars, DECISIONS, hour)
        return replayed_cold(stored_market(sessions), instants, SEED)

    def relevel(calendar: pl.LazyFrame, bars: pl.LazyFrame, **judged: pl.LazyFrame) -> pl.DataFrame:
        """The adjustment factors of every security begin at another level: nothing made of the bars may change."""
        sessions, instants = _instants(calendar, bars, RELEVELLED, hour)
        stored = stored_market(sessions).stored(tables)
        return adjustment_invariance(steps(tables), stored, sessions, instants, SEED)

    named = {Calendar.asset_key: "calendar", Bars.asset_key: "bars"}
    inputs = whole({named.get(key, argument(key)): key for key in keys})
    made_by = [table.function.__module__ for table in tables.values()]
    settings = f"{DECISIONS} {SEED} {hour}"
    add_evidence(
        graph,
        "future_perturbation",
        FUTURE_PERTURBATION,
        perturb,
        inputs,
        ["pipelines.cold_replay", *made_by],
        settings,
        draw=lambda found, **frames: {"evidence by asset": evidence_by_asset(found)},
    )
    modules = ["expectations.adjustment_invariance", *made_by]
    add_evidence(graph, "adjustment_invariance", ADJUSTMENT_INVARIANCE, relevel, inputs, modules, settings)


def _instants(calendar: pl.LazyFrame, bars: pl.LazyFrame, most: int, hour: int) -> tuple[list[date], list[datetime]]:
    """The sessions, and decisions among them; a short market has fewer."""
    sessions = calendar.collect()["session"].sort().to_list()
    columns = ("session", "security_id", "close", "limit_up", "limit_down", "adj_factor")
    wanted = telling_sessions(bars.select(columns).collect())
    return sessions, decisions(sessions, max(1, min(most, len(sessions) // 3)), SEED, hour, wanted)
