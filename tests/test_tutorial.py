"""The tutorial, followed to the letter in an empty copy: own bars, factor, model and question, and the verdict."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from assets.sources.synthetic_market import SyntheticMarketSpec
from expectations.tables import RawBars
from tests.scratch import MARKET, PACKAGES, ROOT, Scratch, make_scratch

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
REGISTER = "models/__init__.py"
QUESTION = "my_questions/overnight.yaml"
LAST_OF_THE_UNION = "    | CrossAttentionSpec,"


def blocks() -> dict[str, tuple[str, str]]:
    """Title -> what the tutorial adds to it in words, and the text of the block."""
    found = re.findall(r"```\w+ title=(\S+)(?: \((.*?)\))?\n(.*?)```", TUTORIAL, re.DOTALL)
    return {title: (aside, text) for title, aside, text in found}


@dataclass
class Newcomer(Scratch):
    """A copy of the project in which somebody asks about bars of their own."""

    @property
    def home(self) -> Path:
        return self.folder / ".kindling" / "my_bars"

    @property
    def environment(self) -> dict[str, str]:
        own = {"KINDLING_MARKET": "files:my_bars", "KINDLING_EXPERIMENTS": str(self.folder / "my_questions")}
        return {**super().environment, **own, "DAGSTER_HOME": str(self.home / "dagster")}

    def sources(self) -> dict[str, bytes]:
        """Every file of the project, by its place."""
        paths = [path for name in PACKAGES for path in (self.folder / name).rglob("*") if path.is_file()]
        return {str(p.relative_to(self.folder)): p.read_bytes() for p in paths if "__pycache__" not in p.parts}


def bars(columns: list[str]) -> pl.DataFrame:
    """A small market as somebody's own file, with one row that cannot be true."""
    spec = SyntheticMarketSpec.model_validate(MARKET)
    raw = spec.read(RawBars, spec.first_session(), spec.last_session())
    code = pl.col("security_id").str.slice(2) + "." + pl.col("security_id").str.head(2).str.to_uppercase()
    theirs = raw.select(
        "open", "high", "low", "close", "volume", "amount", code=code, date="session", preclose="prev_close",
        factor="adj_factor", st=pl.col("is_st").cast(pl.Int8), halted=pl.col("is_suspended").cast(pl.Int8),
    )  # fmt: skip
    wrong = pl.int_range(pl.len()) == 1000
    return theirs.with_columns(high=pl.when(wrong).then(0.01).otherwise("high")).select(columns)


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Newcomer, dict[str, bytes], str]:
    """The copy after the last step, its sources as they were before, and what the demo said."""
    newcomer = Newcomer(make_scratch(tmp_path_factory.mktemp("tutorial")).folder)
    shutil.rmtree(newcomer.folder / "experiments")
    before = newcomer.sources()
    told = blocks()
    (newcomer.folder / "my_bars").mkdir()
    header = told.pop("my_bars/bars.csv")[1].splitlines()[0].split(",")
    bars(header).write_csv(newcomer.folder / "my_bars" / "bars.csv")
    imported, member = told.pop(REGISTER)[1].splitlines()
    register = newcomer.folder / REGISTER
    text = register.read_text().replace(LAST_OF_THE_UNION, f"{LAST_OF_THE_UNION.removesuffix(',')}\n{member}")
    register.write_text(text.replace("\nModelSpec", f"{imported}\n\nModelSpec", 1))
    question = told.pop(QUESTION)[1]
    for place, (_, text) in told.items():
        (newcomer.folder / place).write_text(text)
    (command,) = re.findall(r"^make experiment NAME=(\S+) QUESTION=\"(.*)\"$", TUTORIAL, re.MULTILINE)
    begun = newcomer.run("-m", "pipelines.new_experiment", command[0], "--question", command[1])
    assert begun.returncode == 0, begun.stderr
    (newcomer.folder / QUESTION).write_text(question)
    done = newcomer.demo()
    assert done.returncode == 0, done.stdout + done.stderr
    return newcomer, before, done.stdout


@pytest.mark.slow
def test_files_are_added_and_one_is_edited(followed: tuple[Newcomer, dict[str, bytes], str]) -> None:
    newcomer, before, _ = followed
    now = newcomer.sources()
    assert {place for place in before if before[place] != now[place]} == {REGISTER}
    assert set(now) - set(before) == {"assets/features/overnight.py", "models/sign_average.py"}
    assert sorted(path.name for path in (newcomer.folder / "my_questions").iterdir()) == ["overnight.yaml"]


@pytest.mark.slow
def test_it_ends_in_a_verdict_that_the_gate_let_through(followed: tuple[Newcomer, dict[str, bytes], str]) -> None:
    newcomer, _, said = followed
    assert "champion of 5 sessions: overnight (seated: the best on validation)" in said
    assert newcomer.query("select experiment, model from evaluation.leaderboard") == [("overnight", "sign_average")]
    judged = newcomer.query('select distinct "table", passed from gate.evidence_future_perturbation')
    assert ("features/overnight", True) in judged
    page = (newcomer.home / "reports" / "overnight" / "report.html").read_text()
    assert "Does what comes overnight foretell the week to come?" in page


@pytest.mark.slow
def test_the_row_that_cannot_be_true_is_refused_and_the_rest_is_used(
    followed: tuple[Newcomer, dict[str, bytes], str],
) -> None:
    newcomer, _, _ = followed
    refused = newcomer.query("select count(*) from cleaning.refused_bars")[0][0]
    given = len((newcomer.folder / "my_bars" / "bars.csv").read_text().splitlines()) - 1
    assert refused == 1
    assert newcomer.query("select count(*) from raw.bars") == [(given,)]


@pytest.mark.slow
def test_the_last_command_shows_the_leaderboard(followed: tuple[Newcomer, dict[str, bytes], str]) -> None:
    newcomer, _, _ = followed
    (line,) = re.findall(r'^python -c "(import duckdb.*)"$', TUTORIAL, re.MULTILINE)
    shown = subprocess.run(
        [sys.executable, "-c", line], cwd=newcomer.folder, capture_output=True, text=True, check=True
    )
    assert "overnight" in shown.stdout
