"""Tracking: a run is found before it is created, and none is left running."""

import pytest

from pipelines.tracking import Tracking, environment_tags


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
    tracking.log_curve(run, [{"loss": float(step), "ic": 0.1} for step in range(1200)])
    history = tracking.client.get_metric_history(run, "loss")
    assert [metric.value for metric in history] == [float(step) for step in range(1200)]


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
