"""Gate: what was not judged, or judged and failed, is not read."""

import json
from dataclasses import dataclass
from types import SimpleNamespace

import polars as pl
import pytest

from expectations import evidence
from pipelines.gate import GateRefusal, compose, evidence_table, require
from pipelines.lineage import Edge, Lineage, Node, Stamp
from pipelines.project import STAGES, in_order, modules_of
from pipelines.reach import Every


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
        lineage.add(Node("experiments/x/forecasts", "code f", (None,), edges))
        return lineage

    def stamps(self, key: str) -> dict[str, Stamp]:
        return {part: Stamp(content, "") for part, content in self.content.items()} if key == "features/a" else {}


JUDGED = {"features/a": {"code": "code a", "content": {"2015-01": "c1", "2015-02": "c2"}}}


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
        {},
        {"features/a": {"code": "code a", "content": {"2015-01": "c1"}}},
        {"features/a": {"code": "other code", "content": {"2015-01": "c1", "2015-02": "c2"}}},
    ],
)
def test_an_asset_a_partition_or_code_that_was_not_judged_is_refused(judged: object) -> None:
    with pytest.raises(GateRefusal, match=r"features/a 2015-0. is another version than the gate"):
        ask(verdict(judged=judged))


def test_another_content_than_the_judged_one_is_refused() -> None:
    with pytest.raises(GateRefusal, match="features/a 2015-02 is another version"):
        ask(verdict(), {"2015-01": "c1", "2015-02": "changed"})


def test_the_whole_river_is_composed_in_memory(market: pl.DataFrame) -> None:
    from assets.table import declarations

    tables = in_order(declarations(*modules_of(STAGES)))
    made = compose(tables)({"raw/bars": market})
    assert {"cleaning/bars", "cleaning/universe", "features/price_window", "targets/forward_returns"} <= set(made)
    assert "cleaning/refused_bars" not in made
    assert made["features/price_volume"].height > 500


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
