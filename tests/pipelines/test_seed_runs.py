"""Seed runs: a run begins and ends with its fit, and what fails takes nothing with it that was done."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mlflow.entities import Run

from assets.folds.walk_forward import WalkForwardSpec, folds
from assets.training.panel import Panel, asked
from expectations.tables import Bars
from models.served import Forecaster
from pipelines.checkpoint import Checkpoint
from pipelines.datasets import Dataset
from pipelines.seed_runs import SeedRuns
from pipelines.tracking import Tracking
from tests.pipelines.test_seeds import experiment, made_panel


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("KINDLING_CORES", "1")
    return SimpleNamespace(
        experiment=experiment(max_epochs=1),
        tracking=Tracking(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts"),
        identity={"walk_forward_id": "this"},
        seeds=range(3),
        checkpoints=tmp_path / "kept",
        graph=SimpleNamespace(warehouse=SimpleNamespace(root="/data")),
        checkpoint=lambda fold, seed, learned_from: Checkpoint(tmp_path / f"{seed}.pt", learned_from),
    )


def forecasters(
    walk: Any, learned: Panel, learned_from: str = "that", made_from: str = "this"
) -> tuple[dict[int, Forecaster], list[str]]:
    """Model of each seed, and what was said."""
    windows = WalkForwardSpec(first_test=date(2015, 1, 1), train="12mo", valid="6mo", test="6mo")
    fold = folds(windows, date(2013, 1, 1), date(2015, 12, 31))[0]
    read = Dataset("cleaning/bars", "ab12", Bars, ("2014-12", "2015-01"))
    said: list[str] = []
    below, tags = {"who": "me"}, {"gate": "passed"}
    with SeedRuns(walk, fold, made_from, learned_from, below, tags, [read], said.append) as runs:
        return dict(runs.forecasters(learned)), said


def runs_of(walk: Any) -> list[Run]:
    ids = [walk.tracking.experiment_id("study")]
    return list(walk.tracking.client.search_runs(ids, order_by=["start_time ASC"]))


@pytest.mark.slow
def test_a_seed_that_fails_leaves_those_that_are_done_and_opens_no_more(
    walk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged, log_model = [], Tracking.log_model

    def log(*arguments: Any) -> str:
        logged.append(arguments)
        if len(logged) == 2:
            raise RuntimeError("no room for the model")
        return log_model(*arguments)

    monkeypatch.setattr(Tracking, "log_model", log)
    with pytest.raises(RuntimeError, match="no room for the model"):
        forecasters(walk, made_panel())
    found = runs_of(walk)
    assert [(run.data.tags["seed"], run.info.status) for run in found] == [("0", "FINISHED"), ("1", "FAILED")]
    assert {(run.data.tags["who"], run.data.tags["gate"]) for run in found} == {("me", "passed")}
    assert found[0].info.run_name == "2015-01 to 2015-06, seed 0"
    params = found[0].data.params
    assert (params["fold"], params["seed"], params["model.kind"]) == ("2015-01-01", "0", "lstm")
    assert set(experiment(max_epochs=1).flat()) | {"fold", "seed"} == set(params)
    (told,) = found[0].inputs.dataset_inputs
    assert (told.dataset.name, told.dataset.digest) == ("cleaning/bars", "ab12")
    assert json.loads(told.dataset.profile) == {"partitions": 2, "first": ["2014-12"], "last": ["2015-01"]}
    columns = {column["name"]: column["type"] for column in json.loads(told.dataset.schema)["mlflow_colspec"]}
    assert {columns[name] for name in ("session", "security_id", "close")} == {"datetime", "string", "double"}
    assert found[0].data.metrics["memory_gib_estimated"] > 0
    assert found[0].data.metrics["valid_loss"] > 0
    assert len(walk.tracking.models(found[0].info.run_id)) == 1


@pytest.mark.slow
def test_what_learned_from_the_same_is_not_fitted_again_and_speaks_as_it_did(walk: Any) -> None:
    learned = made_panel()
    first, said = forecasters(walk, learned, made_from="before")
    assert said[0].startswith("3 seeds, 1 at once; a fit needs about 0.00 GiB")
    gone = runs_of(walk)[1].info.run_id
    walk.tracking.client.delete_run(gone)
    again, said = forecasters(walk, learned, made_from="now")
    assert said[0] == "2 of 3 seeds have learned from the same before"
    assert said[1].startswith("1 seeds, ")
    assert set(again) == {0, 1, 2}
    told = {run.data.tags["seed"]: (run.data.tags["made_from"], run.info.status) for run in runs_of(walk)}
    assert told == dict.fromkeys("012", ("now", "FINISHED"))
    rows, sessions = learned.forecast_cells()
    for seed, forecaster in again.items():
        windows = asked(learned, rows[:50], sessions[:50], forecaster.spec.look_back)
        np.testing.assert_array_equal(
            forecaster.predict(windows).forecast, first[seed].predict(windows).forecast, strict=True
        )
    forecasters(walk, learned, learned_from="another")
    assert len(runs_of(walk)) == 6
