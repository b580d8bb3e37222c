"""The definitions as a whole: what is there, and what loading it costs."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from assets import features
from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import declarations
from assets.training.panel import KEYS
from pipelines.catch_up import run
from pipelines.declared import modules_of
from pipelines.project import Project, load_project
from pipelines.seed_runs import PYFUNC
from pipelines.settings import EXPERIMENTS, Settings

LISTS = ("serving/signals", "serving/rescored", "serving/watch")
MARKET = [
    "cleaning/appearances", "cleaning/bars", "cleaning/calendar", "cleaning/float_shares", "cleaning/index_bars",
    "cleaning/index_members", "cleaning/industries", "cleaning/ledger", "cleaning/marks", "cleaning/news",
    "cleaning/policy_events", "cleaning/refused_bars", "cleaning/refused_facts", "cleaning/statements",
    "cleaning/supply_chain", "cleaning/universe", "evaluation/cleaning_counts", "evaluation/cleaning_effect",
    "evaluation/promotions",
    "features/alpha158", "features/correlation", "features/financials", "features/news", "features/news_counts",
    "features/policy_events", "features/price_volume", "features/price_window", "features/supply_chain", "raw/bars",
    "raw/deliveries", "raw/float_shares", "raw/index_bars", "raw/index_members", "raw/industries", "raw/news",
    "raw/policy_events", "raw/statements", "raw/supply_chain",
    "targets/forward_returns", "truth/expected_returns",
]  # fmt: skip
EVIDENCE = [
    "adjustment_invariance", "adversarial_columns", "adversarial_inputs", "counts", "execution", "fills",
    "fit_inside_fold", "forecasts_known", "future_perturbation", "input_order", "knowledge_cutoff",
    "label_intervals", "lag_scan", "membership", "purge", "selection", "stamps", "static_scan", "timestamp_order",
    "too_good_columns", "too_good_forecasts", "truth_withheld", "twins", "vintage",
]  # fmt: skip
STAGES = ["alarms", "data", "fit", "knowledge", "leakage", "purge", "selection"]
GATE = [*(f"gate/evidence_{name}" for name in EVIDENCE), *(f"gate/{stage}" for stage in STAGES), "gate/data_docs"]
OF_EXPERIMENT = [
    "capacity", "deciles", "depth", "forecasts", "information", "orders", "portfolio", "report", "seed_information",
    "walk_forward",
]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    home = tmp_path_factory.mktemp("home")
    uri = f"sqlite:///{home / 'mlflow.db'}"
    return load_project(
        Settings("synthetic_market", "market", SyntheticMarketSpec(), home, str(home / "w"), uri, EXPERIMENTS)
    )


def test_these_assets_are_there(project: Project) -> None:
    names = [f"experiments/{name}/{part}" for name in project.walks for part in OF_EXPERIMENT]
    parts = ("evidence_forecasts_served", "served", "evidence_orders", "evidence_orders_foretold", "portfolio")
    served = [f"gate/{part}_{name}" for name in project.walks for part in parts]
    assert sorted(project.graph.lineage.nodes) == sorted(
        [*MARKET, *GATE, *served, *names, *LISTS, "evaluation/leaderboard"]
    )
    keys = {key.to_user_string() for key in project.definitions.resolve_asset_graph().get_all_asset_keys()}
    assert keys == set(project.graph.lineage.nodes)


def test_each_asset_has_a_text_and_columns_for_the_catalogue(project: Project) -> None:
    for node in project.definitions.resolve_asset_graph().asset_nodes:
        assert len(node.description or "") > 20, node.key
        assert node.metadata["dagster/column_schema"].columns, node.key
        assert node.code_version


def test_each_asset_shows_what_it_is_made_with_and_an_experiment_what_it_is(project: Project) -> None:
    nodes = {node.key.to_user_string(): node for node in project.definitions.resolve_asset_graph().asset_nodes}
    kinds = {key: node.kinds for key, node in nodes.items()}
    assert all(kinds.values())
    assert kinds["experiments/lstm_price/forecasts"] == {"pytorch", "mlflow"}
    assert kinds["experiments/lightgbm_price/forecasts"] == {"lightgbm", "mlflow"}
    assert kinds["gate/leakage"] == {"greatexpectations"}
    tags = nodes["experiments/lstm_price/depth"].tags
    assert (tags["model"], tags["horizon"]) == ("lstm", "5")


def test_one_job_for_each_partition_scheme_a_sensor_and_a_schedule(project: Project) -> None:
    jobs = {job.name for job in project.definitions.get_repository_def().get_all_jobs()} - {"__ASSET_JOB"}
    assert jobs == {"refresh", "verdict", "walk_forward__6mo_from_2015_07", "by_hand", "catch_up"}
    repository = project.definitions.get_repository_def()
    assert {sensor.name for sensor in repository.sensor_defs} == {"new_bars", "catch_up", "stale", "failure_notice"}
    assert {schedule.name for schedule in repository.schedule_defs} == {"after_close"}


def test_the_demo_has_four_folds_named_by_the_start_of_their_test_window(project: Project) -> None:
    for walk in project.walks.values():
        assert [fold.key for fold in walk.folds] == ["2015-07-01", "2016-01-01", "2016-07-01", "2017-01-01"]


def test_lineage_and_dagster_agree_on_every_dependency(project: Project) -> None:
    graph = project.definitions.resolve_asset_graph()
    for key, node in project.graph.lineage.nodes.items():
        parents = {parent.to_user_string() for parent in graph.get(dg.AssetKey(key.split("/"))).parent_keys}
        assert parents == {edge.upstream for edge in node.edges}


def test_windows_that_leave_no_training_data_are_refused_with_the_file_the_dates_and_what_to_do(tmp_path: Path) -> None:
    text = (EXPERIMENTS / "ridge_price.yaml").read_text().replace("2015-07-01", "2012-01-01")
    (tmp_path / "too_early.yaml").write_text(text)
    environment = {**os.environ, "KINDLING_EXPERIMENTS": str(tmp_path), "KINDLING_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pipelines.demo"], cwd=Path(__file__).parents[1], env=environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("too_early.yaml: walk_forward: first_test 2012-01-01 leaves no training data")
    assert "The earliest first_test is 2014-12-01" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_broken_file_is_an_asset_that_fails_with_what_is_wrong_and_the_others_are_as_ever(tmp_path: Path) -> None:
    experiments = tmp_path / "experiments"
    experiments.mkdir()
    shutil.copy(EXPERIMENTS / "ridge_price.yaml", experiments)
    (experiments / "wide.yaml").write_text("base: ridge_price\nmodel: {widht: 3}\n")
    (experiments / "bad-name.yaml").write_text("base: ridge_price\n")
    (experiments / "held.yaml").write_text("base: ridge_price\nowner: team:desk\nsweep: {target.horizon: [1, 4]}\n")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    broken = load_project(
        Settings("synthetic_market", "m", SyntheticMarketSpec(), tmp_path, str(tmp_path / "w"), uri, experiments)
    )
    assert set(broken.walks) == {"ridge_price", "held_horizon_1"}
    refused = {
        "wide": "wide.yaml: model.linear.widht: Extra inputs are not permitted, found 3; allowed here: ['kind'",
        "bad_name": "bad-name.yaml: name: String should match pattern",
        "held_horizon_4": "held.yaml (held_horizon_4): target.horizon is 4; allowed: (1, 3, 5, 10)",
    }
    nodes = {node.key.to_user_string(): node for node in broken.definitions.resolve_asset_graph().asset_nodes}
    asked = nodes["experiments/held_horizon_1/report"]
    assert (asked.owners, asked.tags["horizon"]) == (("team:desk",), "1")
    assert nodes["experiments/ridge_price/report"].owners == ()
    with dg.DagsterInstance.ephemeral() as instance:
        for name, why in refused.items():
            key = f"experiments/{name}/walk_forward"
            assert [other for other in nodes if other.startswith(f"experiments/{name}/")] == [key]
            assert why in str(nodes[key].description)
            outcome = run(broken, instance, ("verdict", (None,), (key,)))
            assert why in outcome.failures[0]


def test_a_word_behind_the_demo_is_refused_rather_than_passed_over() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "pipelines.demo", "files:folder"], cwd=Path(__file__).parents[1],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "unrecognized arguments: files:folder" in done.stderr


def test_the_pyfunc_script_is_where_tracking_looks_for_it() -> None:
    assert PYFUNC.is_file()


def test_loading_the_definitions_imports_no_heavy_library() -> None:
    heavy = ["great_expectations", "mlflow", "lightgbm", "matplotlib"]
    code = f"import sys, pipelines.definitions; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=Path(__file__).parents[1], capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


def test_the_effect_of_every_rule_is_made_by_hand_only_and_all_else_by_itself(project: Project) -> None:
    by_hand = [
        node.key.to_user_string()
        for node in project.definitions.resolve_asset_graph().asset_nodes
        if node.automation_condition is None
    ]
    assert by_hand == ["evaluation/cleaning_effect"]


def test_what_is_made_by_hand_has_a_job_of_its_own_and_is_in_no_other(project: Project) -> None:
    repository = project.definitions.get_repository_def()
    held = {
        job.name: {key.to_user_string() for key in job.asset_layer.executable_asset_keys}
        for job in repository.get_all_jobs()
        if job.name != "__ASSET_JOB"
    }
    assert held["by_hand"] == {"evaluation/cleaning_effect"}
    assert not [name for name, keys in held.items() if name != "by_hand" and keys & held["by_hand"]]
    assert set.union(*held.values()) == set(project.graph.lineage.nodes)


def test_no_column_is_in_two_feature_groups() -> None:
    groups = declarations(*modules_of([features]))
    names = [name for table in groups.values() for name in table.schema.column_names() if name not in KEYS]
    assert len(groups) > 8
    assert len(names) == len(set(names))
