"""Alarms in the graph: a planted leak is pointed at, honest tables are quiet, and training never asks."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import dagster as dg
import dataframely as dy
import numpy as np
import polars as pl
import pytest

from assets.evaluation.information import Information
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations, table
from expectations.suites import judge
from expectations.tables import Bars, Calendar, Keyed, Table, Universe
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.experiment import Experiment
from pipelines.gate import add_alarms
from pipelines.gate.alarm_sample import take_sample
from pipelines.gate.alarms import EVIDENCE_OF_ALARMS
from pipelines.gate.verdicts import _verdict
from pipelines.graph import Graph
from pipelines.project import add_source, load_project
from pipelines.replay import made
from pipelines.settings import Settings
from pipelines.warehouse import Warehouse

SPEC = SyntheticMarketSpec(securities=40, sessions=330, seed=100)
KEPT = ("cleaning/", "targets/", "features/price_volume", "features/price_window", "features/planted")
STUDY = {
    "name": "study",
    "question": "Does the line foretell anything?",
    "features": ["price_window", "price_volume"],
    "model": {"kind": "linear"},
    "walk_forward": {"first_test": "2012-05-01", "train": "8mo", "valid": "3mo", "test": "3mo"},
}


class Planted(Keyed):
    """A planted group: the close of the next session, and the place of the row."""

    asset_key: ClassVar[str] = "features/planted"

    next_close = dy.Float64(nullable=True)
    row_number = dy.Float64(nullable=True)


@table()
def planted(bars: dy.LazyFrame[Bars]) -> dy.LazyFrame[Planted]:
    """Planted in a test."""
    ahead = pl.col("vwap").shift(-3).over("security_id", order_by="session") / pl.col("close")
    traded = bars.filter(~pl.col("is_suspended")).sort("session", "security_id")
    return traded.select("session", "security_id", next_close=ahead, row_number=pl.int_range(pl.len()).cast(pl.Float64))


TABLES = {
    key: declaration
    for key, declaration in in_order({**declarations(*modules_of(STAGES)), Planted.asset_key: planted.table}).items()
    if key.startswith(KEPT)
}
Make = dict[str, Callable[..., pl.DataFrame]]


@pytest.fixture(scope="module")
def stored() -> dict[str, pl.DataFrame]:
    span = (SPEC.first_session(), SPEC.last_session())
    return made(TABLES, {raw.asset_key: SPEC.read(raw, *span) for raw in SPEC.offers()})


def evidence(stored: dict[str, pl.DataFrame], folder: Path, leave_out: str = "") -> dict[str, pl.DataFrame]:
    """The evidence of every alarm over stored tables."""
    make: Make = {}
    inputs: dict[str, Any] = {}

    class Recorded(Graph):
        """A graph that keeps what makes its assets."""

        def add(self, schema: type[Table], function: Any, **rest: Any) -> None:
            super().add(schema, function, **rest)
            key = rest.get("key") or schema.asset_key
            make[key], inputs[key] = function, rest["inputs"]

    schemas: dict[str, type[Table]] = {}
    graph = Recorded(Warehouse(str(folder), schemas), SPEC.first_session(), SPEC.last_session(), schemas)
    add_source(graph, SPEC)
    tables = {key: declaration for key, declaration in TABLES.items() if key != leave_out}
    for declaration in tables.values():
        graph.add_table(declaration)
    graph.add(
        Information, None, key="experiments/study/information", description="", modules=[], inputs={},
    )  # fmt: skip
    add_alarms(graph, tables, {"study": Experiment.model_validate(STUDY)})
    frames = {**stored, "experiments/study/information": Information.create_empty()}
    found = {}
    for name in EVIDENCE_OF_ALARMS:
        key = f"gate/evidence_{name}"
        read = {argument: frames[upstream].lazy() for argument, (upstream, _, _) in inputs[key].items()}
        found[name] = graph.schemas[key].validate(make[key](None, **read))
    return found


def test_honest_tables_are_quiet(stored: dict[str, pl.DataFrame], tmp_path: Path) -> None:
    found = evidence(stored, tmp_path, leave_out=Planted.asset_key)
    verdict = judge("alarms", found)
    assert verdict.passed, verdict.failures
    assert {name for name, frame in found.items() if frame.is_empty()} == set()
    assert found["static_scan"].drop_nulls("line")["explanation"].null_count() == 0
    assert found["adversarial_inputs"]["area_test"].is_between(0.3, 0.7).all()


def test_a_planted_leak_and_a_counter_are_named_by_every_alarm_that_can_see_them(
    stored: dict[str, pl.DataFrame], tmp_path: Path
) -> None:
    found = evidence(stored, tmp_path)
    failed = {
        name: sorted(set(frame.filter(~pl.col("passed"))["column"]))
        for name, frame in found.items()
        if "column" in frame
    }
    assert failed["too_good_columns"] == failed["lag_scan"] == ["next_close"]
    assert failed["adversarial_columns"] == ["row_number"]
    verdict = judge("alarms", found)
    assert not verdict.passed
    said = "\n".join(verdict.failures)
    assert (
        "too_good_columns: table features/planted, horizon 5, column next_close: passed is False; first: over 5 "
        in said
    )


def test_the_verdict_warns_its_check_stops_nothing_and_nobody_asks_for_it(tmp_path: Path) -> None:
    settings = Settings("synthetic_market", "m", SPEC, tmp_path, str(tmp_path / "w"), "sqlite://", tmp_path / "none")
    project = load_project(settings)
    (asset,) = [a for a in project.graph.assets if a.key == dg.AssetKey(["gate", "alarms"])]
    assert [spec.blocking for spec in asset.check_specs] == [False]
    readers = [
        key for key, node in project.graph.lineage.nodes.items() if "gate/alarms" in {e.upstream for e in node.edges}
    ]
    assert readers == []


def test_the_sample_is_a_step_apart_never_of_one_weekday_and_of_members_only(stored: dict[str, pl.DataFrame]) -> None:
    calendar, universe = stored[Calendar.asset_key].lazy(), stored[Universe.asset_key].lazy()
    sample = take_sample(calendar, universe, sessions=66)
    assert sample.stride == 6
    assert set(range(6, 330, 6)) >= set(sample.places)
    bars = stored[Bars.asset_key].lazy()
    ((_, (now, before)),) = list(sample.columns(bars.select("session", "security_id", "close"), (0, 1)))
    close = sample.whole(bars, ["close"])["close"]
    expected = sample.of_members(close[[place - 1 for place in sample.places]])
    np.testing.assert_array_equal(before, expected)
    assert not sample.member_TS.all()
    assert np.isnan(now[~sample.member_TS]).all()
    assert now.shape == before.shape == sample.member_TS.shape


@pytest.mark.parametrize(("blocking", "severity"), [(False, "WARN"), (True, "ERROR")])
def test_only_a_verdict_that_blocks_is_an_error(blocking: bool, severity: str) -> None:
    versions = SimpleNamespace(is_outdated=lambda key, partition: True)
    graph = SimpleNamespace(versions=lambda instance: versions)
    context = SimpleNamespace(instance=None, asset_key=dg.AssetKey(["gate", "alarms"]), log=logging.getLogger())
    verdict = _verdict(graph, "alarms", {}, None, blocking, context)  # type: ignore[arg-type]
    told = next(verdict)
    assert (told.passed, told.severity.value) == (False, severity)
