"""New sessions of a test window: nothing is trained for them, and they are forecast as if they had been there."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from assets.training.journal import Fitted
from assets.training.panel import Panel
from benchmarks.world import tables_of
from expectations.decisions import decision_instant
from expectations.tables import Calendar, ForwardReturns, Universe
from pipelines import experiment_assets, lineage, seeds
from pipelines.experiment import Experiment
from tests.pipelines.test_trials_of_a_walk import SPEC, World

MODELS = {
    "line": {"model": {"kind": "linear", "look_back": 5}},
    "network": {
        "model": {"kind": "two_level_lstm", "look_back": 5, "expert": 4, "coordinator": 4, "summaries": 2},
        "training": {"seeds": 2, "max_epochs": 1},
    },
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, pl.DataFrame]:
    (walk,) = World(tmp_path_factory.mktemp("asked"), {}).project("line").walks.values()
    found = tables_of(SPEC, {*walk.tables.values()})
    return {key: found[key] for key in walk.tables.values()}


def listed_after(tables: Mapping[str, pl.DataFrame], name: str, day: date) -> dict[str, pl.DataFrame]:
    """The tables of a market in which a name is not there until a day has passed."""
    is_early = (pl.col("session") <= day) & (pl.col("security_id") == name)
    return {key: one if key == Calendar.asset_key else one.filter(~is_early) for key, one in tables.items()}


def until(tables: Mapping[str, pl.DataFrame], day: date, hour: int) -> dict[str, pl.DataFrame]:
    """The tables as they were after a session: later sessions are not there, and later exits are pending."""
    short = {key: one.filter(pl.col("session") <= day) for key, one in tables.items()}
    is_known = (pl.col("exited_at") <= decision_instant(day, hour)).fill_null(value=False)
    labels = short[ForwardReturns.asset_key].with_columns(
        pl.when(is_known).then(pl.col(name)).alias(name) for name in ("exited_at", "forward_return", "paper_return")
    )
    return {**short, ForwardReturns.asset_key: labels}


@pytest.mark.slow
@pytest.mark.parametrize("asked", MODELS.values(), ids=MODELS)
def test_new_sessions_train_nothing_and_are_forecast_as_if_they_had_always_been_there(
    tables: Mapping[str, pl.DataFrame], asked: dict[str, object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(experiment_assets, "require", lambda *_: None)
    monkeypatch.setattr(lineage, "read_stamps", lambda *_: {})
    monkeypatch.setenv("KINDLING_CORES", "1")
    fitted: list[Panel] = []
    fit_panel = seeds.fit_panel

    def counted(experiment: Experiment, panel: Panel, *others: Any) -> Fitted:
        fitted.append(panel)
        return fit_panel(experiment, panel, *others)

    monkeypatch.setattr(seeds, "fit_panel", counted)
    walk = World(tmp_path / "evenings", {}).walk("asked", **asked)
    last = walk.folds[-1]
    tested = tables[Calendar.asset_key]["session"].sort()
    tested = tested.filter(tested.is_between(last.test_start, last.test_end, closed="left"))
    day: date = tested[len(tested) // 2]
    members = tables[Universe.asset_key].filter(pl.col("session") > day, pl.col("is_member"))
    whole = listed_after(tables, members["security_id"].sort()[0], day)

    before = World(tmp_path / "evenings", until(whole, day, walk.experiment.decided_hour)).trained(walk)["forecasts"]
    assert before["session"].max() == day
    fits = len(fitted)
    assert fits == len(walk.folds) * len(walk.seeds)
    for panel, fold in zip(fitted, [fold for fold in walk.folds for _ in walk.seeds], strict=True):
        assert panel.grid.sessions[-1] < fold.test_start
    after = World(tmp_path / "evenings", whole).trained(walk)["forecasts"]
    assert len(fitted) == fits
    assert after["session"].max() == tested[-1]
    keys = ["fold", "seed", "session", "security_id"]
    assert after.filter(pl.col("session") <= day).sort(keys).equals(before.sort(keys))

    revised = pl.when(pl.col("session") < last.valid_start).then(-pl.col("forward_return")).otherwise("forward_return")
    other = {**whole, ForwardReturns.asset_key: whole[ForwardReturns.asset_key].with_columns(forward_return=revised)}
    assert not World(tmp_path / "evenings", other).trained(walk)["forecasts"].equals(after)
    assert len(fitted) == 2 * fits

    rebuilt = World(tmp_path / "rebuilt", whole)
    assert rebuilt.trained(rebuilt.walk("asked", **asked))["forecasts"].equals(after)
    assert len(fitted) == 3 * fits
