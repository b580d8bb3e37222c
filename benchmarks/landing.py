"""Landing: a folder into which sessions are delivered as files, and what may go wrong with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import yaml

COLUMNS = ("open", "high", "low", "close", "prev_close", "volume", "amount", "adj_factor")


@dataclass
class Delivery:
    """The folder of files into which sessions land."""

    folder: Path
    bars: pl.DataFrame
    landed: list[date] = field(default_factory=list)

    @property
    def sessions(self) -> list[date]:
        """All sessions, landed or not."""
        return self.bars["session"].unique().sort().to_list()

    def begin(self, history: int) -> None:
        """The mapping, and one file of all the history."""
        self.folder.mkdir(parents=True)
        mapping = {
            "files": "*.parquet",
            "format": "parquet",
            "columns": {name: name for name in ("security_id", "session", *COLUMNS)},
            "board": {"main": ["sh60", "sz00"], "chinext": ["sz30"], "star": ["sh68"]},
            "is_st": {"column": "is_st", "equals": True},
            "is_suspended": {"column": "is_suspended", "equals": True},
            "last": self.sessions[-1] + timedelta(days=120),
        }
        (self.folder / "mapping.yaml").write_text(yaml.safe_dump(mapping), encoding="utf-8")
        self._write("history", self.bars.filter(pl.col("session") <= self.sessions[history - 1]))

    def land(self, session: date, change: Callable[[pl.DataFrame], pl.DataFrame] | None = None) -> None:
        """One session as a file of its own, renamed into place; `change` makes it another one."""
        rows = self.bars.filter(pl.col("session") == session)
        self._write(f"{session}", change(rows) if change else rows)
        self.landed.append(session)

    def land_broken(self, session: date) -> None:
        """A file of the session that was cut in the midst."""
        whole = self.folder / f"{session}.parquet"
        self.land(session)
        self.landed.pop()
        whole.write_bytes(whole.read_bytes()[:2000])

    def _write(self, name: str, rows: pl.DataFrame) -> None:
        aside = self.folder / f".{name}.writing"
        rows.write_parquet(aside)
        os.replace(aside, self.folder / f"{name}.parquet")


def programme(days: Sequence[date]) -> list[tuple[date, str]]:
    """What lands, in order: the session and how; what does not fit a shorter month is left out."""
    late, broken, twice, revised, holiday = 4, 2, 7, 12, 9
    found: list[tuple[date, str]] = []
    for place, day in enumerate(days):
        if place == broken:
            found += [(day, "broken"), (day, "sent again")]
        elif place == late and place + 1 < len(days):
            found += [(days[place + 1], "early"), (day, "late")]
        elif place != late + 1 or place == len(days):
            found.append((day, "plain"))
        if place == twice:
            found.append((day, "sent twice"))
        if place == holiday:
            closed = (day + timedelta(days=number) for number in range(1, 10))
            found.append((next(one for one in closed if one not in days), "holiday"))
        if place == revised:
            found.append((days[place - 5], "revised"))
    return found


def dearer(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with another close and amount of the first three names, inside of what was traded."""
    first = pl.col("security_id").is_in(rows["security_id"].sort().head(3).implode())
    return rows.with_columns(pl.when(first).then(pl.col("low")).otherwise("close").alias("close"))
