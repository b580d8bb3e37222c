"""False alarms: what fails and what gives no answer is counted, and real bars come from where they are named."""

from pathlib import Path

import pytest

from assets.sources.market import parse_market
from benchmarks.false_alarms import DATA, HONEST, MARKET, WORLDS, Judged, Market, _data, counted
from benchmarks.needed import Needed, is_gate
from benchmarks.world import beginning_with, project_of


def market(*passed: bool | None) -> Market:
    return Market("a market", 1.0, tuple(Judged(f"gate/{place} passed", one, "") for place, one in enumerate(passed)))


def test_failures_and_checks_without_an_answer_are_counted_apart() -> None:
    found = counted([market(True, True), market(False, True), market(None, False)])
    assert (found["false_alarms"], found["without_answer"], found["judged"], found["markets"]) == (2, 1, 5, 3)


def test_nothing_judged_is_no_success() -> None:
    assert counted([])["judged"] == 0


@pytest.mark.parametrize(("named", "data"), [("", ""), ("a/folder", "files:a/folder"), ("files:b", "files:b")])
def test_real_bars_are_those_that_the_environment_names(named: str, data: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DATA, named)
    assert _data() == data
    monkeypatch.delenv(DATA)
    assert _data() is None


def test_every_blocking_check_of_the_gate_is_asked_and_nothing_that_the_gate_does_not_read(tmp_path: Path) -> None:
    source = parse_market(f"synthetic_market:{MARKET}")
    project = project_of(source, tmp_path, beginning_with(source, HONEST, tmp_path / "asked"))
    blocking = {
        spec.asset_key.to_user_string() for a in project.graph.assets for spec in a.check_specs if spec.blocking
    }
    needed = Needed(project, blocking)
    assert {"gate/data", "gate/leakage", "gate/purge", "gate/knowledge"} <= blocking
    assert all(is_gate(key) for key in blocking)
    assert {key for key in project.graph.lineage.nodes if key.startswith(("raw/", "features/"))} & needed.keys
    assert "evaluation/leaderboard" not in needed.keys
    made = {asset.key.to_user_string() for asset in needed.definitions.assets or []}
    assert made == needed.keys


def test_the_worlds_are_those_of_the_embedded_market() -> None:
    assert {parse_market(f"synthetic_market:{MARKET}").world, *WORLDS} == set(WORLDS)  # type: ignore[attr-defined]
