"""Issued lists: once, whole, and found again."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pipelines.issued import Issued

FIRST = date(2015, 6, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(6)]
READ = pl.DataFrame({"table": ["bars"], "digest": [1]})


def made(session: date, horizon: int = 5) -> pl.DataFrame:
    return pl.DataFrame({"session": [session], "horizon": [horizon], "security_id": ["sh600000"], "forecast": [0.5]})


def test_a_list_goes_out_once_and_is_read_back_with_its_models(tmp_path: Path):
    issued = Issued(tmp_path)
    sheet = issued.issue(made(FIRST), {0: "abc", 3: "def"}, READ)
    assert "sh600000" in sheet.read_text()
    found, read, runs = issued.read(FIRST, 5)
    assert found.drop("issued_at", "runs").equals(made(FIRST))
    assert read.equals(READ)
    assert runs == {0: "abc", 3: "def"}
    written = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert issued.issue(made(FIRST).with_columns(forecast=0.7), {0: "abc"}, READ) == sheet
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == written


def test_due_are_the_sessions_since_the_first_list_that_have_none(tmp_path: Path):
    issued = Issued(tmp_path)
    assert issued.due([], 5) == []
    assert issued.due(DAYS[:3], 5) == [DAYS[2]]
    issued.issue(made(DAYS[2]), {0: "abc"}, READ)
    assert issued.due(DAYS[:3], 5) == []
    assert issued.due([*DAYS[:3], DAYS[4]], 5) == [DAYS[4]]
    issued.issue(made(DAYS[4]), {0: "abc"}, READ)
    # The bars of the fourth session come late: its list still goes out.
    assert issued.due(DAYS[:5], 5) == [DAYS[3]]
    assert issued.due(DAYS[:5], 20) == [DAYS[4]]


def test_a_list_of_which_only_a_part_was_written_is_due_again(tmp_path: Path):
    issued = Issued(tmp_path)
    issued.issue(made(FIRST), {0: "abc"}, READ)
    issued.issue(made(DAYS[1]), {0: "abc"}, READ)
    next(tmp_path.glob(f"{DAYS[1]}_5_sessions.parquet")).unlink()
    assert issued.due(DAYS[:2], 5) == [DAYS[1]]
    issued.issue(made(DAYS[1]), {0: "abc"}, READ)
    assert issued.due(DAYS[:2], 5) == []


def test_the_newest_but_the_last_are_scored_again(tmp_path: Path):
    issued = Issued(tmp_path)
    for day in DAYS:
        issued.issue(made(day), {0: "abc"}, READ)
    issued.issue(made(DAYS[4], 20), {0: "abc"}, READ)
    assert issued.newest(3) == [(DAYS[3], 5), (DAYS[4], 5), (DAYS[4], 20)]
    assert Issued(tmp_path / "none").newest(3) == []
