"""Issued: lists as they went out, one file a session and horizon, never written again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
from filelock import FileLock
from upath import UPath

from pipelines.warehouse import store_frame

NAME = re.compile(r"(\d{4}-\d{2}-\d{2})_(\d+)_sessions\.parquet")
READ = "inputs"


@dataclass(frozen=True)
class Issued:
    """The folder of the lists: CSV to look at, Parquet to read, and digests of what each was made of."""

    folder: Path

    def newest(self, count: int) -> list[tuple[date, int]]:
        """Session and horizon of the lists of the last `count` sessions but the very last, ascending."""
        there = sorted(self._there())
        sessions = sorted({session for session, _ in there})[-count:][:-1]
        return [place for place in there if place[0] in sessions]

    def due(self, sessions: Sequence[date], horizon: int) -> list[date]:
        """Sessions whose list is to be issued: those since the first list that have none; at first, the newest alone.

        sessions  those whose bars have arrived, ascending
        """
        there = {session for session, of in self._there() if of == horizon}
        first = min(there, default=sessions[-1] if sessions else date.max)
        return [session for session in sessions if session >= first and session not in there]

    def issue(self, made: pl.DataFrame, runs: Mapping[int, str], read: pl.DataFrame) -> Path:
        """Write a list beside its place and rename it in; the Parquet file comes last and says that it is out.

        One that is out stays as it is: two runs may be at work on the same session.


        made     rows of `Signals` of one session and horizon
        runs     by seed, the run of the model that made it
        read     digests of what it was made of
        returns  the CSV file
        """
        session, horizon = made["session"][0], made["horizon"][0]
        record, sheet, inputs = (self._path(session, horizon, end) for end in (".parquet", ".csv", f".{READ}.parquet"))
        words = " ".join(f"{seed}:{run}" for seed, run in runs.items())
        told = made.with_columns(issued_at=pl.lit(datetime.now(UTC)), runs=pl.lit(words))
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            if record.exists():
                return sheet
            store_frame(UPath(inputs), read)
            aside = sheet.with_name(f".{sheet.name}.writing")
            told.write_csv(aside)
            os.replace(aside, sheet)
            store_frame(UPath(record), told)
        return sheet

    def read(self, session: date, horizon: int) -> tuple[pl.DataFrame, pl.DataFrame, dict[int, str]]:
        """A list as it went out, the digests of what it was made of, and the run of each seed."""
        made = pl.read_parquet(self._path(session, horizon, ".parquet"))
        pairs = (pair.split(":") for pair in made["runs"][0].split())
        return (
            made,
            pl.read_parquet(self._path(session, horizon, f".{READ}.parquet")),
            {int(seed): run for seed, run in pairs},
        )

    def _there(self) -> Iterator[tuple[date, int]]:
        for path in self.folder.glob("*.parquet"):
            if found := NAME.fullmatch(path.name):
                yield date.fromisoformat(found[1]), int(found[2])

    def _path(self, session: date, horizon: int, end: str) -> Path:
        return self.folder / f"{session}_{horizon}_sessions{end}"
