"""Kept answers are taken again for the same task, settings and commit, and for nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from benchmarks import kept
from benchmarks.kept import Kept


@pytest.fixture
def at_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def at(commit: str) -> None:
        monkeypatch.setattr(kept, "commit", lambda: commit)

    at("abc1234")
    return at


def answer(of: Kept, task: str, settings: str, value: float) -> float:
    return float(of.answer(task, settings, lambda: pl.DataFrame({"value": [value]}))["value"][0])


def test_a_kept_answer_is_not_made_again(tmp_path: Path, at_commit: Callable[[str], None]) -> None:
    folder = tmp_path / "answers"
    assert answer(Kept(folder), "0-1", "horizon: 5", 0.25) == 0.25
    assert answer(Kept(folder), "0-1", "horizon: 5", 9.0) == 0.25
    assert answer(Kept(folder), "0-2", "horizon: 5", 9.0) == 9.0
    assert answer(Kept(folder), "0-1", "horizon: 1", 9.0) == 9.0
    at_commit("def5678")
    assert answer(Kept(folder), "0-1", "horizon: 5", 8.0) == 8.0
    assert answer(Kept(), "0-1", "horizon: 5", 7.0) == 7.0


def test_a_task_that_fails_leaves_nothing(tmp_path: Path, at_commit: Callable[[str], None]) -> None:
    def fails() -> pl.DataFrame:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        Kept(tmp_path).answer("0-1", "", fails)
    assert answer(Kept(tmp_path), "0-1", "", 0.5) == 0.5


def test_changed_files_are_refused(tmp_path: Path, at_commit: Callable[[str], None]) -> None:
    at_commit("abc1234+")
    with pytest.raises(ValueError, match="commit them first"):
        Kept(tmp_path)
    Kept()
