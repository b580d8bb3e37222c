"""Kept: what the finished tasks of a long benchmark gave, so that one that was stopped goes on from there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from benchmarks.outcome import commit

CHANGED = "+"


@dataclass(frozen=True)
class Kept:
    """A folder of answers, or none; answers of another commit or of other settings are not taken for these."""

    folder: Path | None = None

    def __post_init__(self) -> None:
        if self.folder and commit().endswith(CHANGED):
            raise ValueError(f"nothing is kept in {self.folder}, since files differ from {commit()}; commit them first")

    def answer(self, task: str, settings: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """The frame that was kept for a task under these settings, or else the one that is made and kept now."""
        if self.folder is None:
            return make()
        digest = hashlib.blake2b(f"{commit()} {task} {settings}".encode(), digest_size=8).hexdigest()
        path = self.folder / f"{task}-{digest}.parquet"
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(".unfinished")
            make().write_parquet(unfinished)
            unfinished.replace(path)
        return pl.read_parquet(path)
