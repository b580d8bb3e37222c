"""The river end to end, as a user runs it: demo, user interfaces, a leak that is stopped, a feature that is added."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from mlflow import MlflowClient

sys.path.insert(0, str(Path(__file__).parent))
from scratch import Scratch, Served, make_scratch, serve

FORECASTS = "experiments/ridge_small/forecasts"
JOB = "walk_forward__3mo_from_2015_07"

LEAK = '''"""Leaky: a feature that should not pass."""

from typing import ClassVar

import dataframely as dy
import polars as pl

from assets.table import table
from expectations.tables import Bars, Keyed


class Leaky(Keyed):
    """Planted in a test."""

    asset_key: ClassVar[str] = "features/leaky"

    planted = dy.Float64(nullable=True, metadata={{"definition": "planted", "unit": "none"}})


@table()
def leaky(bars: dy.LazyFrame[Bars]) -> dy.LazyFrame[Leaky]:
    """Planted in a test."""
    return bars.filter(~pl.col("is_suspended")).sort("session", "security_id").select(
        "session", "security_id", planted={expression}
    )
'''
NEXT_CLOSE = 'pl.col("close").shift(-1).over("security_id", order_by="session") / pl.col("close")'
WHOLE_SAMPLE = 'pl.col("volume") / pl.col("volume").mean()'
SOUND = 'pl.col("high") / pl.col("low")'


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    scratch = make_scratch(tmp_path_factory.mktemp("scratch"))
    done = scratch.demo()
    assert done.returncode == 0, done.stdout + done.stderr
    return scratch


@pytest.fixture(scope="module")
def served(scratch: Scratch) -> Iterator[Served]:
    served = serve(scratch)
    yield served
    if served.process.poll() is None:
        served.process.terminate()
        served.process.wait(20)


def plant(scratch: Scratch, expression: str | None) -> None:
    """Put the feature into its one file and its one word, or take both away."""
    file = scratch.folder / "assets" / "features" / "leaky.py"
    if expression is None:
        file.unlink()
        scratch.write_experiment("ridge_small")
        return
    file.write_text(LEAK.format(expression=expression))
    scratch.write_experiment("ridge_small", features=["price_window", "price_volume", "leaky"])


def folds_made(scratch: Scratch) -> list[tuple[object, ...]]:
    return scratch.query("select fold, count(*) from experiments.ridge_small__forecasts group by fold order by fold")


def test_the_demo_ends_in_a_leaderboard_that_any_tool_can_query(scratch: Scratch) -> None:
    rows = scratch.query("select experiment, folds, test_rank_ic from evaluation.leaderboard")
    assert [row[:2] for row in rows] == [("ridge_small", len(folds_made(scratch)))]
    assert len(folds_made(scratch)) >= 2
    assert -1 < float(str(rows[0][2])) < 1


def test_the_demo_tells_the_truth_of_its_market_beside_the_forecasts(scratch: Scratch) -> None:
    joined = scratch.query(
        "select count(*), count(total) from experiments.ridge_small__forecasts f left join truth.expected_returns t "
        "on t.session = f.session and t.security_id = split_part(f.security_id, '@', 1) and t.horizon = 5"
    )
    assert joined[0][0] == joined[0][1] > 0


def test_the_report_is_one_page_with_its_pictures(scratch: Scratch) -> None:
    page = (scratch.home / "reports" / "ridge_small" / "report.html").read_text()
    assert "Does the small market foretell anything?" in page
    assert page.count("data:image/png;base64") >= 4
    assert "Gate passed" in page
    assert "<b>1 trial in this family.</b>" in page


def test_the_gate_is_shown_in_pages_that_report_and_runs_refer_to(scratch: Scratch) -> None:
    index = scratch.home / "data_docs" / "index.html"
    page = scratch.home / "reports" / "ridge_small" / "report.html"
    assert "leakage.future_perturbation" in index.read_text()
    assert "href='../../data_docs/index.html'" in page.read_text()
    (verdict,) = scratch.query("select evidence_hash from gate.leakage")
    client = MlflowClient(f"sqlite:///{scratch.home / 'mlflow' / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "ridge_small"]
    tags = [run.data.tags for run in client.search_runs([experiment.experiment_id])]
    assert {tag["gate.leakage.evidence"] for tag in tags} == {verdict[0]}
    assert {tag["gate.leakage"] for tag in tags} == {"passed"}
    assert len({tag["data.raw/bars"] for tag in tags}) == 1


def test_every_fold_is_one_run_under_one_parent_and_none_is_left_running(scratch: Scratch) -> None:
    client = MlflowClient(f"sqlite:///{scratch.home / 'mlflow' / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "ridge_small"]
    runs = client.search_runs([experiment.experiment_id])
    parents = [run for run in runs if run.data.tags["level"] == "walk_forward"]
    children = [run for run in runs if run.data.tags["level"] == "fold"]
    assert len(parents) == 1
    assert sorted(run.data.tags["fold"] for run in children) == [fold for fold, _ in folds_made(scratch)]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
    assert {run.info.status for run in runs} == {"FINISHED"}
    assert "commit" in parents[0].data.tags
    champion = client.get_model_version_by_alias("forecaster_5_sessions", "champion")
    assert champion.run_id in {run.info.run_id for run in children}


def test_a_second_demo_launches_nothing_and_says_so(scratch: Scratch) -> None:
    done = scratch.demo()
    assert done.returncode == 0, done.stderr
    assert "0 steps launched" in done.stdout


def test_the_champion_s_list_is_out_and_is_what_the_table_says(scratch: Scratch) -> None:
    (sheet,) = (scratch.home / "lists").glob("*.csv")
    newest = scratch.query("select max(session) from cleaning.calendar")[0][0]
    assert sheet.name == f"{newest}_5_sessions.csv"
    sides = dict(scratch.query("select side, count(*) from serving.signals group by side"))
    assert sides["buy"] == 5
    assert scratch.query("select count(*) from serving.signals where side = 'buy' and reasons is null")[0][0] == 0
    names = scratch.query("select count(distinct security_id) from serving.signals")
    listed = scratch.query(f"select count(*) from cleaning.universe where session = date '{newest}'")
    assert names[0][0] >= listed[0][0]
    assert len(sheet.read_text().splitlines()) == 1 + sum(sides.values())
    measures = {row[0] for row in scratch.query("select measure from serving.watch")}
    assert {"realised_rank_ic", "turnover"} < measures
    assert (scratch.home / "reports" / "watch.html").exists()


def test_the_webserver_shows_all_runs_of_the_demo(scratch: Scratch, served: Served) -> None:
    runs = served.ask("{ runsOrError { ... on Runs { results { status pipelineName } } } }")["runsOrError"]["results"]
    assert {run["pipelineName"] for run in runs} == {"refresh", JOB, "verdict"}
    assert {run["status"] for run in runs} == {"SUCCESS"}
    with urllib.request.urlopen(f"http://127.0.0.1:{served.mlflow_port}/", timeout=60) as answer:
        assert b"MLflow" in answer.read()


def test_an_asset_is_materialised_through_graphql_while_the_catalogue_is_read(scratch: Scratch, served: Served) -> None:
    run = served.launch("refresh", ["features/price_volume"], dict.fromkeys(
        ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end"), "2015-08"
    ))  # fmt: skip
    reader = threading.Thread(target=lambda: [scratch.query("from evaluation.leaderboard") for _ in range(50)])
    reader.start()
    assert served.wait(run) == "SUCCESS", served.errors(run)
    reader.join()


def test_a_trial_ledger_that_was_cut_stops_the_report_until_it_is_put_back(scratch: Scratch) -> None:
    ledger = scratch.folder / ".kindling" / "trials" / "trials.jsonl"
    whole = ledger.read_text()
    ledger.write_text(whole.splitlines(keepends=True)[0])
    shutil.rmtree(scratch.home / "warehouse" / "experiments" / "ridge_small" / "report")
    done = scratch.demo()
    assert done.returncode == 1
    assert "trials.jsonl is cut or was edited: links 2 to 2 were cut off" in done.stderr
    assert "put both files back from a copy" in done.stderr
    ledger.write_text(whole)
    assert scratch.demo().returncode == 0
    assert ledger.read_text() == whole


@pytest.mark.parametrize(("name", "expression"), [("shift(-1)", NEXT_CLOSE), ("a whole-sample mean", WHOLE_SAMPLE)])
def test_a_planted_leak_stops_training_now_and_when_training_alone_is_launched_later(
    scratch: Scratch, served: Served, name: str, expression: str
) -> None:
    before = folds_made(scratch)
    written = {p.name: p.stat().st_mtime for p in (scratch.home / "warehouse" / FORECASTS).glob("2*.parquet")}
    plant(scratch, expression)
    done = scratch.demo()
    assert done.returncode == 1
    told = done.stdout + done.stderr
    assert re.search(
        r"future_perturbation: table features/leaky, column planted, decided_at .* first: s[hz]\d{6} 20", told
    )
    assert "Correct what is named (the code of a table stands under its key in assets/)" in told
    assert "No leaderboard" in told
    assert "excess_return_annual" not in told
    assert "features/leaky" in "".join(str(row) for row in scratch.query("select failures from gate.leakage"))
    served.reload()
    run = served.launch(JOB, [FORECASTS], {"dagster/partition": "2015-07-01"})
    assert served.wait(run) == "FAILURE"
    assert "the check 'passed' of gate/leakage failed" in served.errors(run)
    assert "features/leaky" in served.errors(run)
    plant(scratch, None)
    assert folds_made(scratch) == before
    now = {p.name: p.stat().st_mtime for p in (scratch.home / "warehouse" / FORECASTS).glob("2*.parquet")}
    assert now == written, f"{name} was trained on"


def test_a_new_feature_is_one_file_and_one_word_and_is_gated_without_further_words(scratch: Scratch) -> None:
    plant(scratch, SOUND)
    done = scratch.demo()
    assert done.returncode == 0, done.stdout + done.stderr
    judged = scratch.query('select distinct "table", passed from gate.evidence_future_perturbation order by 1')
    assert ("features/leaky", True) in judged
    assert scratch.query("select count(*) from features.leaky")[0][0] > 1000


def test_touching_one_feature_s_code_makes_its_descendants_again_and_nothing_else(scratch: Scratch) -> None:
    file = scratch.folder / "assets" / "features" / "price_volume.py"
    text = file.read_text()
    file.write_text(text + "\n\n# only a comment\n")
    assert "0 steps launched" in scratch.demo().stdout
    file.write_text(text + "\n\nTOUCHED = True\n")
    done = scratch.demo()
    assert done.returncode == 0, done.stderr
    made = {
        word.strip(",") for line in done.stdout.splitlines() for word in line.split() if "/" in word and "." not in word
    }
    # its content is the same as before: what only reads the content is left alone, what judges its code is not
    assert made == {
        "features/price_volume",
        "gate/evidence_future_perturbation",
        "gate/evidence_adjustment_invariance",
        "gate/evidence_static_scan",
        *(f"gate/{stage}" for stage in ("alarms", "data_docs", "fit", "leakage")),
    }


def test_two_folds_at_once_one_killed_and_retried_leave_one_parent_and_one_child_each(scratch: Scratch) -> None:
    for part in (scratch.home / "warehouse" / FORECASTS).glob("2*.parquet"):
        part.unlink()
    folds = ["2015-07-01", "2015-10-01"]
    code = (
        "import sys, dagster as dg; from pipelines.project import load_project; "
        "from pipelines.settings import read_settings; from pipelines.home import prepare_home; "
        "s = read_settings(); prepare_home(s); p = load_project(s); "
        f"r = p.definitions.resolve_job_def('{JOB}').execute_in_process(instance=dg.DagsterInstance.get(), "
        f"asset_selection=[dg.AssetKey('{FORECASTS}'.split('/'))], partition_key=sys.argv[1])"
    )
    start = lambda fold: subprocess.Popen(  # noqa: E731
        [sys.executable, "-W", "ignore", "-c", code, fold], cwd=scratch.folder, env=scratch.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    first, second = start(folds[0]), start(folds[1])
    client = MlflowClient(f"sqlite:///{scratch.home / 'mlflow' / 'mlflow.db'}")
    (experiment,) = [e for e in client.search_experiments() if e.name == "ridge_small"]
    deadline = time.monotonic() + 90
    query = f"tags.fold = '{folds[0]}' and attributes.status = 'RUNNING'"
    while time.monotonic() < deadline and not client.search_runs([experiment.experiment_id], query):
        time.sleep(0.02)
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert second.wait() == 0
    assert start(folds[0]).wait() == 0
    runs = client.search_runs([experiment.experiment_id])
    for level, tags in (
        ("walk_forward", ["walk_forward_id"]),
        ("fold", ["walk_forward_id", "fold", "seed", "made_from"]),
    ):
        identities = [tuple(run.data.tags[t] for t in tags) for run in runs if run.data.tags["level"] == level]
        assert len(identities) == len(set(identities)), f"a {level} has two runs"
    assert {fold for fold, _ in folds_made(scratch)} >= set(folds)
    assert not [run for run in runs if run.info.status == "RUNNING"]


@pytest.mark.parametrize("sensor", ["stale", "catch_up"])
def test_the_daemon_makes_what_is_missing_again_when_a_sensor_is_on(
    scratch: Scratch, served: Served, sensor: str
) -> None:
    lost = scratch.home / "warehouse" / "features" / "price_window" / "2014-05.parquet"
    lost.unlink()
    served.switch(sensor, "startSensor")
    deadline = time.monotonic() + 240
    while not lost.exists():
        assert time.monotonic() < deadline, f"{sensor} did not ask for the lost month"
        time.sleep(1)
    served.switch(sensor, "resetSensor")


@pytest.mark.browser
@pytest.mark.skipif(
    shutil.which("chromium") is None, reason="no chromium on this machine: the pages were not looked at"
)
def test_a_browser_shows_the_lineage_the_verdict_and_the_report(scratch: Scratch, served: Served) -> None:
    from playwright.sync_api import sync_playwright

    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=quiet)
        page = browser.new_page(viewport={"width": 1600, "height": 1000})
        page.goto(f"http://127.0.0.1:{served.port}/asset-groups")
        page.get_by_text("ridge_small").first.wait_for(timeout=60_000)
        page.goto(f"http://127.0.0.1:{served.port}/assets/gate/leakage?view=checks")
        page.get_by_text("passed").first.wait_for(timeout=60_000)
        page.goto((scratch.home / "reports" / "ridge_small" / "report.html").as_uri())
        assert "Does the small market foretell anything?" in page.inner_text("h1")
        pictures = page.eval_on_selector_all("img", "all => all.map(one => one.naturalWidth)")
        assert len(pictures) >= 4
        assert min(pictures) > 200
        browser.close()


def test_ctrl_c_stops_all_user_interfaces_within_15_seconds(served: Served) -> None:
    began = time.monotonic()
    served.process.send_signal(signal.SIGINT)
    assert served.process.wait(20) == 0
    assert time.monotonic() - began < 15
    for port in (served.port, served.mlflow_port):
        with pytest.raises(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=2)
