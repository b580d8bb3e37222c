"""Tracking: a run is found before it is created, and none is left running."""

from pathlib import Path

import numpy as np
import pytest
from mlflow.entities import DatasetInput
from mlflow.exceptions import MlflowException

from expectations.tables import Bars, Calendar
from models.linear import Linear, LinearSpec
from models.scaling import Scaler
from models.windows import TableLayout
from pipelines.datasets import Dataset
from pipelines.seed_runs import PYFUNC
from pipelines.tracking import Tracking, environment_tags
from tests.models.asking import forecast_of, nameless


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> Tracking:
    folder = tmp_path_factory.mktemp("mlflow")
    return Tracking(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")


def status(tracking: Tracking, run_id: str) -> str:
    return str(tracking.client.get_run(run_id).info.status)


def test_the_same_identity_is_the_same_run_and_another_is_another(tracking: Tracking) -> None:
    first = tracking.open_run("study", "a", {"fold": "2015-07-01", "seed": "0"}, {})
    assert tracking.open_run("study", "a", {"fold": "2015-07-01", "seed": "0"}, {}) == first
    assert tracking.open_run("study", "a", {"fold": "2015-07-01", "seed": "1"}, {}) != first
    assert tracking.find("study", {"seed": "0"}) == [first]


def test_a_run_ends_finished_failed_or_is_taken_up_again(tracking: Tracking) -> None:
    run = tracking.open_run("study", "b", {"fold": "2016-01-01"}, {})
    with pytest.raises(KeyError), tracking.running(run):
        raise KeyError
    assert status(tracking, run) == "FAILED"
    assert tracking.open_run("study", "b", {"fold": "2016-01-01"}, {}) == run
    assert status(tracking, run) == "RUNNING"
    with tracking.running(run):
        pass
    assert status(tracking, run) == "FINISHED"


def test_tags_of_a_run_are_added_or_replaced_and_the_others_stay(tracking: Tracking) -> None:
    run = tracking.open_run("study", "tagged", {"fold": "tags"}, {"gate.data": "failed"})
    tracking.tag(run, {"gate.data": "passed", "data.raw/bars": "ab"})
    tags = tracking.client.get_run(run).data.tags
    assert (tags["fold"], tags["gate.data"], tags["data.raw/bars"]) == ("tags", "passed", "ab")


def test_a_long_curve_is_logged_whole(tracking: Tracking) -> None:
    run = tracking.open_run("study", "c", {"fold": "curve"}, {})
    curve = {step: {"loss": float(step), "ic": 0.1} for step in range(1200)}
    tracking.log_curve(run, curve)
    history = tracking.client.get_metric_history(run, "loss")
    assert [metric.value for metric in history] == [float(step) for step in range(1200)]


def test_a_step_that_is_told_again_is_kept_once(tracking: Tracking) -> None:
    run = tracking.open_run("study", "again", {"fold": "again"}, {})
    tracking.log_curve(run, {1: {"loss": 0.5}, 2: {"loss": 0.4}})
    tracking.log_curve(run, {2: {"loss": 0.4}, 3: {"loss": 0.3}})
    history = tracking.client.get_metric_history(run, "loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 0.5), (2, 0.4), (3, 0.3)]


def test_files_of_a_report_are_artifacts(tracking: Tracking) -> None:
    run = tracking.open_run("study", "d", {"fold": "files"}, {})
    tracking.log_files(run, {"report.html": b"<p>", "a.png": b"x"})
    assert [item.path for item in tracking.client.list_artifacts(run, "report")] == [
        "report/a.png",
        "report/report.html",
    ]


def test_the_environment_names_commit_and_versions() -> None:
    tags = environment_tags()
    assert {"commit", "uncommitted", "version.torch", "version.polars"} <= set(tags)


def test_a_run_has_one_model_the_one_that_was_logged_last(tracking: Tracking, tmp_path: Path) -> None:
    run = tracking.open_run("study", "model", {"fold": "model"}, {})
    columns = ("a", "b")
    layout = TableLayout(columns, (), 1)
    scaler = Scaler(centre=(0.0, 0.0), scale=(1.0, 1.0), clip=5.0)
    for weight in (1.0, 2.0):
        saved = Linear(LinearSpec(look_back=1), layout, scaler, np.array([weight, 0.0]))
        saved.save(tmp_path / str(weight))
        tracking.log_model(run, tmp_path / str(weight), PYFUNC, nameless(np.zeros((1, 1, 2), dtype=np.float32)).named())
    assert len(tracking.models(run)) == 1
    window = np.array([[[0.5, 0.0]]], dtype=np.float32)
    assert forecast_of(tracking.forecaster(run), window).tolist() == [1.0]


def test_two_folds_that_tell_of_the_same_table_at_once_both_have_it(tracking: Tracking) -> None:
    known = [Dataset("cleaning/bars", "ab12", Bars, ()), Dataset("cleaning/calendar", "cd34", Calendar, ())]
    mine, other = (tracking.open_run("study", name, {"name": name}, {}) for name in ("mine", "other"))
    client, asked = tracking.client, []

    class Late:
        """A client to whom the other run is always a moment ahead: after the store was looked at, before it adds."""

        def log_inputs(self, run_id: str, inputs: list[DatasetInput]) -> None:
            asked.append(run_id)
            if len(asked) == 1:
                client.log_inputs(other, inputs)
                raise MlflowException("UNIQUE constraint failed: datasets.experiment_id, datasets.name")
            client.log_inputs(run_id, inputs)

    behind = Tracking(tracking.uri, tracking.artifacts)
    behind.__dict__["client"] = Late()
    behind.log_datasets(mine, known, "/data", "walk-forward")
    for run_id in (mine, other):
        told = client.get_run(run_id).inputs.dataset_inputs
        assert {one.dataset.name for one in told} == {"cleaning/bars", "cleaning/calendar"}
    assert asked == [mine, mine]


def test_a_store_that_takes_no_table_is_told_of(tracking: Tracking) -> None:
    with pytest.raises(MlflowException, match="not found"):
        tracking.log_datasets("0" * 32, [Dataset("cleaning/bars", "ab12", Bars, ())], "/data", "walk-forward")
