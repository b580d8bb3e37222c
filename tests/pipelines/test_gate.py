"""Gate: what was not judged, or judged and failed, is not read."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from assets.table import declarations
from expectations import evidence
from expectations.suites import judge
from expectations.tables import Table
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.experiment_files import read_experiments
from pipelines.gate import GateRefusal, add_gates, require
from pipelines.gate.evidence import evidence_table
from pipelines.lineage import Edge, Lineage, Node, Stamp
from pipelines.project import add_source
from pipelines.reach import Every
from pipelines.replay import made


@dataclass
class Known:
    """Versions with the content that a test gives them."""

    content: dict[str, str]

    @property
    def lineage(self) -> Lineage:
        lineage = Lineage()
        lineage.add(Node("features/a", "code a", ("2015-01", "2015-02")))
        lineage.add(Node("experiments/x/other", "code o", (None,)))
        edges = (Edge("features/a", Every()), Edge("experiments/x/other", Every()))
        for gate in ("leakage", "knowledge"):
            lineage.add(Node(f"gate/evidence_{gate}", "code e", (None,)))
            lineage.add(Node(f"gate/{gate}", "code g", (None,), (Edge(f"gate/evidence_{gate}", Every()),)))
        lineage.add(Node("experiments/x/forecasts", "code f", (None,), edges))
        return lineage

    def stamps(self, key: str) -> dict[str, Stamp]:
        return {part: Stamp(content, "") for part, content in self.content.items()} if key == "features/a" else {}


EVIDENCE = {f"gate/evidence_{gate}": {"code": "code e", "content": {}} for gate in ("leakage", "knowledge")}
JUDGED = {**EVIDENCE, "features/a": {"code": "code a", "content": {"2015-01": "c1", "2015-02": "c2"}}}


def verdict(*, passed: bool = True, judged: object = JUDGED) -> dict[str, pl.DataFrame]:
    row = {"passed": [passed], "failures": ["" if passed else "features/a: column x"], "judged": [json.dumps(judged)]}
    return {"gate/leakage": pl.DataFrame(row)}


def ask(found: dict[str, pl.DataFrame], content: dict[str, str] | None = None) -> None:
    require(found, Known(content or {"2015-01": "c1", "2015-02": "c2"}), "experiments/x/forecasts", None)


def test_what_was_judged_and_passed_may_be_read() -> None:
    ask(verdict())


def test_a_failed_verdict_is_refused_by_the_name_of_its_check() -> None:
    with pytest.raises(GateRefusal, match=r"the check 'passed' of gate/leakage failed: features/a: column x"):
        ask(verdict(passed=False))


@pytest.mark.parametrize(
    "judged",
    [
        EVIDENCE,
        {**EVIDENCE, "features/a": {"code": "code a", "content": {"2015-01": "c1"}}},
        {**EVIDENCE, "features/a": {"code": "other code", "content": {"2015-01": "c1", "2015-02": "c2"}}},
    ],
)
def test_an_asset_a_partition_or_code_that_was_not_judged_is_refused(judged: object) -> None:
    with pytest.raises(GateRefusal, match=r"features/a 2015-0. is another version than the gate"):
        ask(verdict(judged=judged))


@pytest.mark.parametrize("found", [{}, {"gate/evidence_leakage": {"code": "other experiments", "content": {}}}])
def test_a_verdict_on_evidence_of_other_code_or_experiments_is_refused(found: dict[str, object]) -> None:
    others = {key: value for key, value in JUDGED.items() if key != "gate/evidence_leakage"}
    with pytest.raises(GateRefusal, match="gate/leakage was judged on gate/evidence_leakage of other code or other ex"):
        ask(verdict(judged={**others, **found}))


def test_another_content_than_the_judged_one_is_refused() -> None:
    with pytest.raises(GateRefusal, match="features/a 2015-02 is another version"):
        ask(verdict(), {"2015-01": "c1", "2015-02": "changed"})


def test_a_verdict_on_today_s_version_does_not_speak_for_one_that_judged_another() -> None:
    known = Known({"2015-01": "c1", "2015-02": "c2"})
    lineage = known.lineage
    for gate in ("leakage", "knowledge"):
        edges = (Edge(f"gate/evidence_{gate}", Every()), Edge("features/a", Every()))
        lineage.add(Node(f"gate/{gate}", "code g", (None,), edges))
    stale = {**JUDGED, "features/a": {"code": "code a", "content": {"2015-01": "c1", "2015-02": "before"}}}
    both = {"gate/leakage": verdict(judged=stale)["gate/leakage"], "gate/knowledge": verdict()["gate/leakage"]}
    versions = SimpleNamespace(lineage=lineage, stamps=known.stamps)
    with pytest.raises(GateRefusal, match=r"features/a 2015-02 is another version .* Materialise gate/leakage and"):
        require(both, versions, "experiments/x/forecasts", None)
    require({**both, "gate/leakage": verdict()["gate/leakage"]}, versions, "experiments/x/forecasts", None)


def test_what_a_verdict_judged_is_asked_for_beyond_the_market_too() -> None:
    content = {"other": "c1"}
    lineage = Lineage()
    lineage.add(Node("experiments/x/report", "code r", (None,)))
    lineage.add(Node("gate/evidence_selection", "code e", (None,), (Edge("experiments/x/report", Every()),)))
    judges = (Edge("gate/evidence_selection", Every()), Edge("experiments/x/report", Every()))
    lineage.add(Node("gate/selection", "code g", (None,), judges))
    lineage.add(Node("evaluation/leaderboard", "code l", (None,), (Edge("experiments/x/report", Every()),)))
    versions = SimpleNamespace(lineage=lineage, stamps=lambda key: {None: Stamp(content["other"], "")})
    seen = {"gate/evidence_selection": {"code": "code e"}, "experiments/x/report": {"code": "code r"}}
    seen["experiments/x/report"]["content"] = {"None": "c1"}
    asked = {"gate/selection": verdict(judged=seen)["gate/leakage"]}
    require(asked, versions, "evaluation/leaderboard", None)
    content["other"] = "c2"
    with pytest.raises(GateRefusal, match="experiments/x/report  is another version than the gate judged"):
        require(asked, versions, "evaluation/leaderboard", None)


def test_the_whole_river_is_composed_in_memory(market: pl.DataFrame) -> None:
    from assets.table import declarations

    tables = in_order(declarations(*modules_of(STAGES)))
    found = made(tables, {"raw/bars": market})
    assert {"cleaning/bars", "cleaning/universe", "features/price_window", "targets/forward_returns"} <= set(found)
    assert found["features/price_volume"].height > 500


def test_evidence_of_an_infinite_difference_can_be_kept() -> None:
    table = evidence_table("gate/evidence_future_perturbation", evidence.FUTURE_PERTURBATION)
    row = evidence.FUTURE_PERTURBATION.to_frame().clear(1).with_columns(worst_difference=pl.lit(float("inf")))
    assert table.validate(row)["worst_difference"][0] == float("inf")


def test_tables_come_after_what_they_read() -> None:
    def schema(key: str) -> SimpleNamespace:
        return SimpleNamespace(asset_key=key)

    declared = {
        "a/late": SimpleNamespace(key="a/late", inputs={"x": schema("z/early")}),
        "z/early": SimpleNamespace(key="z/early", inputs={"raw": schema("raw/bars")}),
    }
    assert list(in_order(declared)) == ["z/early", "a/late"]


@pytest.mark.parametrize(("last", "passes"), [(None, True), (date(2015, 6, 30), True), (date(2015, 7, 1), False)])
def test_a_group_that_may_know_the_test_window_stops_the_training(
    last: date | None, passes: bool, tmp_path: Path
) -> None:
    from assets.folds.walk_forward import folds
    from assets.sources.synthetic_market import SyntheticMarketSpec
    from pipelines.graph import Graph
    from pipelines.settings import EXPERIMENTS
    from pipelines.warehouse import Warehouse

    source = SyntheticMarketSpec()
    experiments = read_experiments(EXPERIMENTS).experiments
    tables = in_order(declarations(*modules_of(STAGES)))
    planted = tables["features/price_volume"]
    tables["features/price_volume"] = replace(planted, knowledge_cutoff=last)
    made: dict[str, Callable[..., pl.DataFrame]] = {}

    class Recorded(Graph):
        """A graph that keeps what makes its assets."""

        def add(self, schema: type[Table], make: Any, **rest: Any) -> None:
            super().add(schema, make, **rest)
            made[rest.get("key") or schema.asset_key] = make

    schemas: dict[str, type[Table]] = {}
    graph = Recorded(Warehouse(str(tmp_path), schemas), source.first_session(), source.last_session(), schemas)
    add_source(graph, source)
    for table in tables.values():
        graph.add_table(table)
    gates = add_gates(graph, tables, lambda: tables, experiments)
    assert "gate/knowledge" in gates
    found = made["gate/evidence_knowledge_cutoff"](None)
    windows = folds(experiments["ridge_price"].walk_forward, source.first_session(), source.last_session())
    assert found.height == len(experiments) * 2 * len(windows)
    judged = judge("knowledge", {"knowledge_cutoff": graph.schemas["gate/evidence_knowledge_cutoff"].validate(found)})
    assert judged.passed is passes
    row = {"passed": [judged.passed], "failures": ["\n".join(judged.failures)], "judged": [json.dumps(JUDGED)]}
    if passes:
        ask({"gate/knowledge": pl.DataFrame(row)})
    else:
        with pytest.raises(GateRefusal, match=r"gate/knowledge failed: .*experiment lightgbm_price, group price_volum"):
            ask({"gate/knowledge": pl.DataFrame(row)})


def test_evidence_of_other_code_asks_for_another_verdict_even_where_it_says_the_same(tmp_path: Path) -> None:
    from assets.sources.synthetic_market import SyntheticMarketSpec
    from pipelines.project import load_project
    from pipelines.settings import Settings

    experiments = tmp_path / "experiments"
    experiments.mkdir()
    codes = []
    for features in ("[price_window]", "[price_window, price_volume]"):
        (experiments / "study.yaml").write_text(
            f"question: Does the line foretell anything?\nfeatures: {features}\nmodel: {{kind: linear}}\n"
            "walk_forward: {first_test: 2015-07-01, train: 24mo, valid: 6mo, test: 6mo}\n"
        )
        store = (tmp_path, str(tmp_path / "w"), "sqlite://", experiments)
        nodes = load_project(Settings("synthetic_market", "m", SyntheticMarketSpec(), *store)).graph.lineage.nodes
        codes.append([nodes[key].code_version for key in ("gate/evidence_knowledge_cutoff", "gate/knowledge")])
    assert codes[0][0] != codes[1][0]
    assert codes[0][1] != codes[1][1]
