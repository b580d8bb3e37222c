"""Experiment schema: the file is current, takes what the project takes and refuses what it refuses."""

from pathlib import Path

import jsonschema
import pytest
import yaml

from pipelines.experiment_files import experiments_of
from pipelines.experiment_schema import PATH, experiment_schema, text
from pipelines.settings import EXPERIMENTS

SOUND = {
    "question": "Does the line foretell anything?",
    "features": ["price_window"],
    "model": {"kind": "linear"},
    "walk_forward": {"first_test": "2015-07-01", "train": "24mo", "valid": "6mo", "test": "6mo"},
}


class Dated(yaml.SafeLoader):
    """Reads YAML as editors do: a date is text."""


Dated.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith("timestamp")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def refused(settings: object) -> list[str]:
    return [error.message for error in jsonschema.Draft202012Validator(experiment_schema()).iter_errors(settings)]


def test_the_file_is_current() -> None:
    assert PATH.read_text(encoding="utf-8") == text(), "run python -m pipelines.experiment_schema"


@pytest.mark.parametrize("path", sorted(EXPERIMENTS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_experiment_of_the_project_fits_and_names_it(path: Path) -> None:
    assert refused(yaml.load(path.read_text(), Dated)) == []
    assert path.read_text().startswith(f"# yaml-language-server: $schema={PATH.name}\n")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"normalisation": "rank"},
        {"normalisation": {"default": "z_score", "price_window": "none"}},
        {"projection": {"price_window": {"components": 3}}},
        {"sweep": {"model.look_back": [5, 10], "target": [{"horizon": 1}]}},
    ],
)
def test_what_the_project_takes_fits(changes: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**SOUND, **changes}))
    experiments_of(tmp_path / "study.yaml")
    assert refused({**SOUND, **changes}) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"modle": 1},
        {"model": {"kind": "lstn"}},
        {"model": {"kind": "linear", "widht": 3}},
        {"features": []},
        {"decided_hour": 25},
        {"normalisation": "ranks"},
        {"projection": {"price_window": {"component": 3}}},
        {"sweep": {}},
        {"sweep": {"model.look_back": 5}},
        {"sweep": {"model.look_back": []}},
        {"sweep": {"question": ["Which?"]}},
    ],
)
def test_what_the_project_refuses_does_not_fit(changes: dict[str, object], tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(yaml.safe_dump({**SOUND, **changes}))
    with pytest.raises(ValueError, match=r"study\.yaml"):
        experiments_of(tmp_path / "study.yaml")
    assert refused({**SOUND, **changes})


def test_only_a_file_with_a_base_may_leave_out_what_every_experiment_needs() -> None:
    assert refused({"question": "What if it were longer?", "model": {"look_back": 30}})
    assert not refused({"base": "study", "question": "What if it were longer?", "model": {"look_back": 30}})
