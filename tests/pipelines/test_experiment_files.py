"""Experiment files: what is wrong in a YAML is refused by name, with what is allowed, and spoils no other file."""

from pathlib import Path

import pytest
import yaml

from pipelines.experiment import Experiment
from pipelines.experiment_files import experiments_of, read_experiment, read_experiments
from pipelines.settings import EXPERIMENTS

SOUND = {
    "question": "Does the line foretell anything?",
    "features": ["price_window"],
    "model": {"kind": "linear"},
    "walk_forward": {"first_test": "2015-07-01", "train": "24mo", "valid": "6mo", "test": "6mo"},
}


def written(folder: Path, name: str = "study", **changes: object) -> Path:
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump({**SOUND, **changes}))
    return path


def test_the_three_experiments_of_the_project_are_valid_and_differ_in_a_line_or_two() -> None:
    found = read_experiments(EXPERIMENTS).experiments
    assert [e.model.kind for e in found.values()] == ["gradient_boosting", "lstm", "linear"]
    ridge = found["ridge_price"]
    for experiment in found.values():
        same = experiment.model_copy(update={"name": ridge.name, "question": ridge.question, "model": ridge.model})
        assert same == ridge


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        (
            {"model": {"kind": "linear", "widht": 3}},
            r"study.yaml: model.linear.widht: .*found 3; allowed here: \['kind'",
        ),
        ({"modle": 1}, r"study.yaml: modle: .*allowed here: \['decided_hour', 'features'"),
        ({"model": {"kind": "lstn"}}, r"'lstn'.*'linear', 'banded_ridge', 'gradient_boosting', 'lstm'"),
        ({"features": []}, "study.yaml: features"),
        (
            {"walk_forward": {**SOUND["walk_forward"], "train": "-3mo"}},
            "train is '-3mo'; write a whole number of months",
        ),
        ({"walk_forward": {**SOUND["walk_forward"], "first_test": "2015-07-09"}}, "use 2015-07-01 or 2015-08-01"),
        ({"decided_hour": 25}, "decided_hour"),
        ({"owner": "somebody"}, "owner: String should match pattern.*found 'somebody'"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(tmp_path: Path, changes: dict[str, object], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        read_experiment(written(tmp_path, **changes))


def test_a_base_gives_what_is_not_written_and_another_kind_replaces_its_section(tmp_path: Path) -> None:
    written(tmp_path, "base_study", model={"kind": "linear", "look_back": 7}, trading={"top_k": 3})
    (tmp_path / "own.yaml").write_text("base: base_study\nmodel: {kind: lstm}\ntrading: {capital: 5000000}\n")
    own = read_experiment(tmp_path / "own.yaml")
    assert isinstance(own, Experiment)
    assert (own.model.kind, own.trading.top_k, own.trading.capital) == ("lstm", 3, 5_000_000)
    assert own.model.look_back != 7


def test_a_base_that_is_absent_or_has_a_base_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: nothing\n")
    with pytest.raises(ValueError, match=r"base 'nothing' does not exist; known: \[\]"):
        read_experiment(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("base: a\n")
    with pytest.raises(ValueError, match="one level is allowed"):
        read_experiment(tmp_path / "b.yaml")


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("question: [")
    with pytest.raises(ValueError, match=r"c.yaml is no valid YAML"):
        read_experiment(tmp_path / "c.yaml")


def test_a_key_that_is_written_twice_is_refused_also_in_a_base(tmp_path: Path) -> None:
    text = written(tmp_path, "base_study").read_text()
    (tmp_path / "base_study.yaml").write_text(text + "question: Is the last of two questions the one that is meant?\n")
    (tmp_path / "own.yaml").write_text("base: base_study\n")
    for name in ("base_study", "own"):
        with pytest.raises(
            ValueError, match=r"base_study.yaml is no valid YAML: the key \['question'\] is written twice"
        ):
            read_experiment(tmp_path / f"{name}.yaml")


def test_a_file_without_a_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("- question\n")
    with pytest.raises(ValueError, match=r"d.yaml is no valid YAML: it must hold lines 'key: value', found list"):
        read_experiment(tmp_path / "d.yaml")


@pytest.mark.parametrize("name", ["my-study", "Study", "2nd", "a b"])
def test_a_name_that_dagster_and_duckdb_cannot_take_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match=rf"{name}.yaml: name: String should match pattern.*found '{name}'"):
        read_experiment(written(tmp_path, name))


def test_a_broken_file_leaves_the_others_as_they_are(tmp_path: Path) -> None:
    written(tmp_path, "sound")
    written(tmp_path, "broken", modle=1)
    (tmp_path / "torn.yaml").write_text("question: [")
    found = read_experiments(tmp_path)
    assert list(found.experiments) == ["sound"]
    assert set(found.refused) == {"broken", "torn"}
    assert found.refused["broken"].startswith("broken.yaml: modle: ")


def test_an_objection_refuses_only_the_experiment_that_it_meets(tmp_path: Path) -> None:
    written(tmp_path, "short", target={"horizon": 1})
    written(tmp_path, "long", sweep={"target.horizon": [5, 10]})
    found = read_experiments(tmp_path)
    kept = found.without(lambda one: iter(["too long"] if one.target.horizon == 10 else []))
    assert set(kept.experiments) == {"short", "long_horizon_5"}
    assert kept.refused == {"long_horizon_10": "long.yaml (long_horizon_10): too long"}


def test_a_sweep_is_as_many_experiments_as_its_grid_has_points(tmp_path: Path) -> None:
    sweep = {"model.look_back": [5, 20], "target.horizon": [1, 5]}
    found = experiments_of(written(tmp_path, "grid", sweep=sweep))
    assert {name: (one.model.look_back, one.target.horizon) for name, one in found.items()} == {
        "grid_look_back_5_horizon_1": (5, 1),
        "grid_look_back_5_horizon_5": (5, 5),
        "grid_look_back_20_horizon_1": (20, 1),
        "grid_look_back_20_horizon_5": (20, 5),
    }
    first = found["grid_look_back_5_horizon_1"]
    assert first.question == "Does the line foretell anything? (look_back 5, horizon 1)"
    assert set(read_experiments(tmp_path).experiments) == set(found)
    with pytest.raises(ValueError, match=r"grid.yaml: a sweep of 4 experiments, where one is asked for"):
        read_experiment(tmp_path / "grid.yaml")


def test_a_sweep_may_differ_from_a_base_and_may_not_be_one(tmp_path: Path) -> None:
    written(tmp_path, "line")
    (tmp_path / "grid.yaml").write_text("base: line\nsweep: {model: [{kind: lstm, hidden: 8}, {look_back: 9}]}\n")
    found = experiments_of(tmp_path / "grid.yaml")
    assert {name: (one.model.kind, one.model.look_back) for name, one in found.items()} == {
        "grid_model_lstm_hidden_8": ("lstm", 40),
        "grid_model_look_back_9": ("linear", 9),
    }
    (tmp_path / "more.yaml").write_text("base: grid\n")
    with pytest.raises(ValueError, match="base 'grid' has a base itself"):
        read_experiment(tmp_path / "more.yaml")
    written(tmp_path, "grid", sweep={"target.horizon": [1]})
    with pytest.raises(ValueError, match="base 'grid' has a sweep itself; name a file of one experiment"):
        read_experiment(tmp_path / "more.yaml")


@pytest.mark.parametrize(
    ("sweep", "found"),
    [
        ([1, 2], r"study.yaml: sweep: found \[1, 2\]; a sweep is a mapping of settings to lists"),
        ({}, r"study.yaml: sweep: found \{\}"),
        ({"target.horizon": 5}, r"sweep: target.horizon: found 5; a sweep is"),
        ({"question": ["a", "b"]}, r"sweep: 'question' cannot be varied"),
        ({"features.first": ["a"]}, r"features.first: 'features' is no section but \['price_window'\]"),
        ({"model.look_back": list(range(101))}, "sweep: 101 points; allowed: 100"),
        ({"training.learning_rate": [0.1, "0-1"]}, "two of its points are called study_learning_rate_0_1"),
        ({"model.widht": [3]}, r"study.yaml \(study_widht_3\): model.linear.widht: .*found 3; allowed here"),
    ],
)
def test_what_is_no_sweep_is_named_with_what_is_one(tmp_path: Path, sweep: object, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        experiments_of(written(tmp_path, sweep=sweep))


def test_a_sibling_with_the_name_of_another_file_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "grid", sweep={"target.horizon": [1, 5]})
    written(tmp_path, "grid_horizon_5")
    found = read_experiments(tmp_path)
    assert list(found.experiments) == ["grid_horizon_5"]
    assert "['grid_horizon_5'] are experiments of other files" in found.refused["grid"]


def test_every_setting_has_a_flat_name_by_which_experiments_are_compared(tmp_path: Path) -> None:
    flat = read_experiment(written(tmp_path, features=["price_window", "news"])).flat()
    assert flat["features"] == "price_window news"
    assert flat["model.kind"] == "linear"
    assert flat["walk_forward.first_test"] == "2015-07-01"
    assert flat["trading.strict"] == "false"
    assert flat["trading.take_profit"] == "none"
    assert flat["projection"] == "none"
    assert not {"name", "question"} & set(flat)
    assert all(isinstance(value, str) for value in flat.values())
