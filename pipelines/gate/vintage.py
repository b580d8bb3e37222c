"""Vintage: whether every instant is the one at which a row could be known, as evidence of the gate."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.table import Declaration
from expectations.decisions import decisions
from expectations.evidence import TIMESTAMP_ORDER
from expectations.fact_tables import FloatShares, IndexBars, RefusedFacts
from expectations.facts import RAW_FACTS
from expectations.input_order import INPUT_ORDER, input_order
from expectations.leakage import timestamp_order
from expectations.stamps import STAMPS, stamps
from expectations.tables import Bars, Calendar, RawBars
from expectations.vintage import FACTS, VINTAGE, bar_vintage, fact_vintage, proxy_vintage
from pipelines.gate.evidence import add_evidence
from pipelines.graph import Graph
from pipelines.inputs import argument, whole, whole_by_key
from pipelines.replay import read_by

DECISIONS = 8
SEED = 0


def add_vintage(graph: Graph, tables: Mapping[str, Declaration], hour: int) -> None:
    """Add the evidence on instants: against the raw rows, by themselves, and against the decisions that use them."""
    _add_vintage(graph, hour)
    _add_stamps(graph)
    _add_timestamp_order(graph, hour)
    _add_input_order(graph, tables, hour)


def _add_vintage(graph: Graph, hour: int) -> None:
    def compare(**read: pl.LazyFrame) -> pl.DataFrame:
        """By table, rule and decision: rows known before their raw row, and keys of which another row counts."""
        refused = read[argument(RefusedFacts.asset_key)].collect()
        sessions = read[argument(Calendar.asset_key)].collect()["session"].to_list()
        instants = decisions(sessions, DECISIONS, SEED, hour)
        found = [
            fact_vintage(
                fact,
                read[argument(fact.raw.asset_key)].collect(),
                read[argument(fact.accepted.asset_key)].collect(),
                refused,
                instants,
            )
            for fact in FACTS
        ]
        bars = read[argument(Bars.asset_key)].collect()
        shares, index_bars = (read[argument(table.asset_key)].collect() for table in (FloatShares, IndexBars))
        found.append(bar_vintage(read[argument(RawBars.asset_key)].collect(), bars))
        return pl.concat([*found, proxy_vintage(shares, index_bars, bars)])

    facts = [table.asset_key for fact in FACTS for table in (fact.raw, fact.accepted)]
    others = [table.asset_key for table in (RawBars, Bars, Calendar, RefusedFacts)]
    settings = f"{DECISIONS} {SEED} {hour}"
    add_evidence(
        graph, "vintage", VINTAGE, compare, whole_by_key([*facts, *others]), ["expectations.vintage"], settings
    )


def _add_stamps(graph: Graph) -> None:
    def look(**read: pl.LazyFrame) -> pl.DataFrame:
        """By table and rule: how many rows bear an instant that can hardly be true."""
        raw = {table.asset_key: read[argument(table.asset_key)].collect() for table in RAW_FACTS}
        bars = read[argument(Bars.asset_key)].select("session", "security_id", "available_at")
        index_bars = read[argument(IndexBars.asset_key)].select("session", "index_id", "origin", "available_at")
        return stamps(raw, bars.collect(), index_bars.collect())

    keys = [*(table.asset_key for table in RAW_FACTS), Bars.asset_key, IndexBars.asset_key]
    add_evidence(graph, "stamps", STAMPS, look, whole_by_key(keys), ["expectations.stamps"])


def _add_timestamp_order(graph: Graph, hour: int) -> None:
    def order(bars: pl.LazyFrame) -> pl.DataFrame:
        """By session: the last row was available no later than the decision."""
        return timestamp_order(bars.collect(), hour)

    inputs = whole({"bars": Bars.asset_key})
    add_evidence(graph, "timestamp_order", TIMESTAMP_ORDER, order, inputs, ["expectations.leakage"], str(hour))


def _add_input_order(graph: Graph, tables: Mapping[str, Declaration], hour: int) -> None:
    groups = {key: _dated_inputs(key, tables) for key, table in tables.items() if table.stage == "features"}

    def order(**read: pl.LazyFrame) -> pl.DataFrame:
        """By feature group and input: whether what a session's decision may use was known by then."""
        when = ("session", "known_on", "available_at")
        frames = {
            key: read[argument(key)].select(pl.col(name) for name in when if name in tables[key].schema.column_names())
            for key in sorted({key for keys in groups.values() for key in keys})
        }
        made = {key: frame.collect() for key, frame in frames.items()}
        return input_order({group: {key: made[key] for key in keys} for group, keys in groups.items()}, hour)

    inputs = whole_by_key(sorted({key for keys in groups.values() for key in keys}))
    settings = f"{hour} {sorted(groups.items())}"
    add_evidence(graph, "input_order", INPUT_ORDER, order, inputs, ["expectations.input_order"], settings)


def _dated_inputs(group: str, tables: Mapping[str, Declaration]) -> list[str]:
    """The tables with instants that a feature group reads, directly or through other groups."""
    direct = {
        schema.asset_key
        for key, table in read_by([group], tables).items()
        if table.stage == "features"
        for schema in table.inputs.values()
    }
    return sorted(key for key in direct if key in tables and "available_at" in tables[key].schema.column_names())
