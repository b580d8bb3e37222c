"""Seed runs: a run begins and ends with its fit, and what fails takes nothing with it that was done."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from assets.folds.walk_forward import WalkForwardSpec, folds
from expectations.tables import Bars
from pipelines.checkpoint import Checkpoint
from pipelines.datasets import Dataset
from pipelines.seed_runs import SeedRuns
from pipelines.tracking import Tracking
from tests.pipelines.test_seeds import experiment, made_panel


@pytest.mark.slow
def test_a_seed_that_fails_leaves_those_that_are_done_and_opens_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KINDLING_CORES", "1")
    tracking = Tracking(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    walk: Any = SimpleNamespace(
        experiment=experiment(max_epochs=1),
        tracking=tracking,
        identity={"walk_forward_id": "this"},
        seeds=range(3),
        checkpoints=tmp_path / "kept",
        graph=SimpleNamespace(warehouse=SimpleNamespace(root="/data")),
        checkpoint=lambda fold, seed, made_from: Checkpoint(tmp_path / f"{seed}.pt", made_from),
    )
    windows = WalkForwardSpec(first_test=date(2015, 1, 1), train="12mo", valid="6mo", test="6mo")
    fold = folds(windows, date(2013, 1, 1), date(2015, 12, 31))[0]
    read = Dataset("cleaning/bars", "ab12", Bars, ("2014-12", "2015-01"))
    said: list[str] = []

    def work() -> None:
        with SeedRuns(walk, fold, "these inputs", {"who": "me"}, {"gate": "passed"}, [read], said.append) as runs:
            for seed, fitted in runs.fits(made_panel()):
                if seed == 1:
                    raise RuntimeError("no forecasts")
                runs.end(seed, fitted)

    with pytest.raises(RuntimeError, match="no forecasts"):
        work()
    found = tracking.client.search_runs([tracking.experiment_id("study")], order_by=["start_time ASC"])
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
    assert len(tracking.models(found[0].info.run_id)) == 1
    assert said[0].startswith("3 seeds, 1 at once; a fit needs about 0.00 GiB")
