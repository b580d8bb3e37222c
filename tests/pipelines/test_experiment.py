"""Experiment: what is wrong in a YAML is refused by name, with what is allowed."""

from pathlib import Path

import pytest
import yaml

from pipelines.experiment import Experiment, load_experiment, load_experiments
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
    found = load_experiments(EXPERIMENTS, {"price_window", "price_volume"})
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
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(tmp_path: Path, changes: dict[str, object], found: str) -> None:
    with pytest.raises(ValueError, match=found):
        load_experiment(written(tmp_path, **changes))


def test_an_unknown_feature_group_is_named_with_those_that_exist(tmp_path: Path) -> None:
    written(tmp_path, features=["momentun"])
    with pytest.raises(ValueError, match=r"unknown feature groups \['momentun'\]; known: \['momentum'\]"):
        load_experiments(tmp_path, {"momentum"})


def test_an_unknown_horizon_is_refused(tmp_path: Path) -> None:
    written(tmp_path, target={"horizon": 4})
    with pytest.raises(ValueError, match=r"horizon 4; allowed: \(1, 3, 5, 10\)"):
        load_experiments(tmp_path, {"price_window"})


def test_a_base_gives_what_is_not_written_and_another_kind_replaces_its_section(tmp_path: Path) -> None:
    written(tmp_path, "base_study", model={"kind": "linear", "look_back": 7}, trading={"top_k": 3})
    (tmp_path / "own.yaml").write_text("base: base_study\nmodel: {kind: lstm}\ntrading: {capital: 5000000}\n")
    own = load_experiment(tmp_path / "own.yaml")
    assert isinstance(own, Experiment)
    assert (own.model.kind, own.trading.top_k, own.trading.capital) == ("lstm", 3, 5_000_000)
    assert own.model.look_back != 7


def test_a_base_that_is_absent_or_has_a_base_itself_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("base: nothing\n")
    with pytest.raises(ValueError, match=r"base 'nothing' does not exist; known: \['a'\]"):
        load_experiment(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("base: a\n")
    with pytest.raises(ValueError, match="one level is allowed"):
        load_experiment(tmp_path / "b.yaml")


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("question: [")
    with pytest.raises(ValueError, match=r"c.yaml is no valid YAML"):
        load_experiment(tmp_path / "c.yaml")


def test_a_key_that_is_written_twice_is_refused_also_in_a_base(tmp_path: Path) -> None:
    text = written(tmp_path, "base_study").read_text()
    (tmp_path / "base_study.yaml").write_text(text + "question: Is the last of two questions the one that is meant?\n")
    (tmp_path / "own.yaml").write_text("base: base_study\n")
    for name in ("base_study", "own"):
        with pytest.raises(
            ValueError, match=r"base_study.yaml is no valid YAML: the key \['question'\] is written twice"
        ):
            load_experiment(tmp_path / f"{name}.yaml")


def test_a_file_without_a_setting_is_refused(tmp_path: Path) -> None:
    (tmp_path / "d.yaml").write_text("- question\n")
    with pytest.raises(ValueError, match=r"d.yaml is no valid YAML: it must hold lines 'key: value', found list"):
        load_experiment(tmp_path / "d.yaml")
