"""Evidence on instants, members and labels bound to the graph: it reads what it names, and an honest market passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from expectations.suites.data import DATA
from expectations.suites.leakage import LEAKAGE
from expectations.tables import Table
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.gate.label_intervals import add_label_intervals
from pipelines.gate.membership import add_membership
from pipelines.gate.stages import STAGES as EVIDENCE_OF
from pipelines.gate.vintage import add_vintage
from pipelines.graph import Graph
from pipelines.project import add_source
from pipelines.replay import made, read_by
from pipelines.warehouse import Warehouse

TABLES = in_order(declarations(*modules_of(STAGES)))
NAMES = ("vintage", "stamps", "input_order", "membership", "label_intervals", "fills")
Evidence = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    """What the assets of the gate return over a small market, validated as they are when they are stored."""
    source = SyntheticMarketSpec(seed=104, securities=40, sessions=320)
    added: dict[str, tuple[Callable[..., pl.DataFrame], Any]] = {}

    class Recorded(Graph):
        """A graph that keeps what makes its assets."""

        def add(self, schema: type[Table], make: Any, **rest: Any) -> None:
            super().add(schema, make, **rest)
            added[rest.get("key") or schema.asset_key] = (make, rest["inputs"])

    schemas: dict[str, type[Table]] = {}
    warehouse = Warehouse(str(tmp_path_factory.mktemp("w")), schemas)
    graph = Recorded(warehouse, source.first_session(), source.last_session(), schemas)
    add_source(graph, source)
    for table in TABLES.values():
        graph.add_table(table)
    add_vintage(graph, TABLES, 20)
    add_membership(graph)
    add_label_intervals(graph, 20)
    raw = {table.asset_key: source.read(table, graph.first, graph.last) for table in source.offers()}
    cleaned = [key for key in TABLES if not key.startswith("features/")]
    found = made(read_by(cleaned, TABLES), raw)
    return {
        name: schemas[f"gate/evidence_{name}"].validate(
            make(None, **{arg: found[key].lazy() for arg, (key, *_) in inputs.items()})
        )
        for name in NAMES
        for make, inputs in [added[f"gate/evidence_{name}"]]
    }


@pytest.mark.parametrize("name", NAMES)
def test_evidence_has_rows_and_passes_on_an_honest_market(name: str, evidence: Evidence) -> None:
    assert evidence[name].height > 0
    assert evidence[name].filter(~pl.col("passed")).rows() == []


@pytest.mark.parametrize("name", NAMES)
def test_a_stage_rests_on_it_and_a_suite_demands_it(name: str) -> None:
    assert name in {*EVIDENCE_OF["data"], *EVIDENCE_OF["leakage"]}
    assert name in DATA.required | LEAKAGE.required


def test_every_dated_input_of_every_feature_group_is_asked_about(evidence: Evidence) -> None:
    pairs = {(row["group"].split("/")[1], row["input"].split("/")[1]) for row in evidence["input_order"].to_dicts()}
    assert {("financials", "statements"), ("news", "news"), ("supply_chain", "supply_chain")} <= pairs
    assert {group for group, _ in pairs} == {key.split("/")[1] for key in TABLES if key.startswith("features/")}


def test_every_admitted_table_is_compared_with_its_raw_rows(evidence: Evidence) -> None:
    asked = evidence["vintage"].filter(pl.col("rows_checked") > 0)["table"].unique()
    assert set(asked) == {
        "statements", "news", "policy_events", "supply_chain", "industries", "index_members", "float_shares",
        "index_bars", "bars",
    }  # fmt: skip
