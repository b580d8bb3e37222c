"""A new experiment waits for its question, then is what it differs from until something is changed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml

from pipelines.experiment_files import read_experiment, read_experiments
from pipelines.experiment_schema import PATH, experiment_schema
from pipelines.new_experiment import write
from pipelines.settings import EXPERIMENTS

ASKED = "Does a longer look-back help?"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for path in EXPERIMENTS.glob("*.yaml"):
        shutil.copy(path, tmp_path)
    return tmp_path


@pytest.mark.parametrize("base", ["ridge_price", "lstm_price"])
def test_it_equals_what_it_differs_from_once_it_has_a_question(folder: Path, base: str) -> None:
    own = read_experiment(write(folder, "longer", base, ASKED))
    other = read_experiment(folder / f"{base}.yaml")
    assert own == other.model_copy(update={"name": "longer", "question": ASKED})
    settings = yaml.safe_load((folder / "longer.yaml").read_text())
    jsonschema.validate(settings, experiment_schema())


@pytest.mark.parametrize("base", ["ridge_price", "lstm_price"])
def test_in_a_folder_of_one_s_own_it_stands_by_itself(tmp_path: Path, base: str) -> None:
    own = read_experiment(write(tmp_path / "my_questions", "longer", base, ASKED))
    other = read_experiment(EXPERIMENTS / f"{base}.yaml")
    assert own == other.model_copy(update={"name": "longer", "question": ASKED})
    text = (tmp_path / "my_questions" / "longer.yaml").read_text()
    assert "base:" not in text
    schema = text.splitlines()[0].split("$schema=")[1]
    assert (tmp_path / "my_questions" / schema).resolve() == PATH


def test_without_a_question_it_is_refused_and_nothing_else_is(folder: Path) -> None:
    write(folder, "longer", "ridge_price", "")
    found = read_experiments(folder)
    assert set(found.refused) == {"longer"}
    assert "longer.yaml: question: String should have at least 10 characters" in found.refused["longer"]
    assert len(found.experiments) == 3


def test_a_line_below_is_a_setting_once_its_sign_is_taken(folder: Path) -> None:
    path = write(folder, "longer", "lstm_price", ASKED)
    lines = path.read_text().splitlines()
    opened = [line.removeprefix("# ") if line.startswith(("# features", "# walk_forward")) else line for line in lines]
    assert opened != lines
    path.write_text("\n".join(opened))
    assert read_experiment(path).model.kind == "lstm"
    assert set(yaml.safe_load(path.read_text())) == {"question", "base", "model", "features", "walk_forward"}


@pytest.mark.parametrize(
    ("name", "base", "found"),
    [
        ("Long", "ridge_price", "NAME is 'Long'; allowed: a small letter"),
        ("../long", "ridge_price", "NAME is '../long'"),
        ("", "ridge_price", "NAME is ''"),
        ("lstm_price", "ridge_price", "lstm_price.yaml exists; open it, or choose another name"),
        (
            "long",
            "ridge",
            r"BASE is 'ridge', which does not exist in .*; known: \['grid', 'lightgbm_price', 'lstm_pri",
        ),
        ("long", "grid", "BASE is 'grid', which is a sweep"),
    ],
)
def test_what_cannot_be_written_is_refused(folder: Path, name: str, base: str, found: str) -> None:
    (folder / "grid.yaml").write_text(f"base: ridge_price\nquestion: {ASKED}\nsweep: {{target.horizon: [1, 5]}}\n")
    before = sorted(folder.iterdir())
    with pytest.raises(ValueError, match=found):
        write(folder, name, base, ASKED)
    assert sorted(folder.iterdir()) == before


def test_make_writes_it(folder: Path) -> None:
    root = Path(__file__).parents[2]
    environment = {**os.environ, "KINDLING_EXPERIMENTS": str(folder)}
    command = ["make", "--no-print-directory", "-o", ".venv/ready", f"BIN={Path(sys.executable).parent}"]
    command += ["experiment", "NAME=longer"]
    for words in ([], [f"QUESTION={ASKED}", "BASE=lstm_price"]):
        (folder / "longer.yaml").unlink(missing_ok=True)
        done = subprocess.run([*command, *words], cwd=root, env=environment, capture_output=True, text=True, check=True)
        assert done.stdout.startswith(f"wrote {folder / 'longer.yaml'}")
        assert ("write its question" in done.stdout) == (words == [])
    again = subprocess.run([*command], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert again.returncode != 0
    assert "longer.yaml exists" in again.stderr
