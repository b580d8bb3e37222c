"""Raw cache: what vendors answered, as they answered it, one Parquet file per question."""

from __future__ import annotations

import functools
import os
import re
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import polars as pl

from assets.sources.vendors.arrival import month_end, month_start, months_between

Span = tuple[date, date]
ROOT = Path(__file__).resolve().parents[3]
LONGEST = 120
SAFE = re.compile(r"[\w.\-]+")


@dataclass(frozen=True)
class Call:
    """A question: the vendor's endpoint, what is asked about, and the span of days where it has one."""

    endpoint: str
    subject: str
    span: Span | None = None

    def __post_init__(self) -> None:
        for part in (self.endpoint, self.subject):
            if not SAFE.fullmatch(part):
                raise ValueError(f"'{part}' cannot name a file; letters, digits, '.', '-' and '_' can")

    def __str__(self) -> str:
        days = f" {self.span[0]} to {self.span[1]}" if self.span else ""
        return f"{self.endpoint} {self.subject}{days}"


@dataclass(frozen=True)
class Note:
    """When an answer was asked for, and how many rows it has."""

    asked_at: datetime
    rows: int


def cache_folder(vendor: str) -> Path:
    """Folder of a vendor's answers, for all markets: in KINDLING_RAW_CACHE, else in raw_cache of KINDLING_HOME."""
    home = Path(os.environ.get("KINDLING_HOME") or ROOT / ".kindling")
    return Path(os.environ.get("KINDLING_RAW_CACHE") or home / "raw_cache").resolve() / vendor


@dataclass(frozen=True)
class RawCache:
    """The answers in one folder. Deleting a file makes that question be asked again; nothing else ever deletes one."""

    folder: Path

    def path(self, call: Call) -> Path:
        """Where the answer lies, or would lie."""
        name = f"{call.span[0]}_{call.span[1]}" if call.span else "whole"
        return self.folder / call.endpoint / call.subject / f"{name}.parquet"

    def note(self, call: Call) -> Note | None:
        """What is known of a kept answer; None when there is none, or none that can be read."""
        path = self.path(call)
        try:
            stat = path.stat()
        except FileNotFoundError:
            return None
        return _note(path, (stat.st_mtime_ns, stat.st_size))

    def keep(self, call: Call, answer: pl.DataFrame, asked_at: datetime) -> Path:
        """Write an answer beside its place and rename it there, so that a crash leaves the old one or the new one."""
        path = self.path(call)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, draft = tempfile.mkstemp(dir=path.parent, suffix=".draft")
        try:
            with os.fdopen(handle, "wb") as file:
                noted = {"asked_at": asked_at.isoformat(), "rows": str(answer.height)}
                answer.write_parquet(file, metadata=noted)
                file.flush()
                os.fsync(file.fileno())
            Path(draft).replace(path)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
        return path

    def spans(self, endpoint: str, subject: str) -> list[Span]:
        """Spans of days that are kept of a subject, in order."""
        names = [path.stem.split("_") for path in (self.folder / endpoint / subject).glob("*_*.parquet")]
        return sorted((date.fromisoformat(first), date.fromisoformat(last)) for first, last in names)

    def spans_to_hold(
        self, endpoint: str, subject: str, first: date, last: date, today: date, longest: int = LONGEST
    ) -> list[Span]:
        """Spans of whole months that cover first to last: those kept, and as few more as possible.

        The present month always has a span of its own, since only it is asked again; months to come have none.
        A new span has at most `longest` months, so that no answer meets a vendor's limit of rows.
        """
        wanted = months_between(first, min(last, today)) if first <= min(last, today) else []
        kept = [span for span in self.spans(endpoint, subject) if wanted and _touch(span, wanted)]
        held = {month for span in kept for month in months_between(*span)}
        return sorted([*kept, *_runs([month for month in wanted if month not in held], month_start(today), longest)])


@functools.lru_cache(maxsize=200_000)
def _note(path: Path, stamp: tuple[int, int]) -> Note | None:
    """What a file says of itself; `stamp` only tells a changed file from the one seen before."""
    try:
        found = pl.read_parquet_metadata(path)
        return Note(datetime.fromisoformat(found["asked_at"]), int(found["rows"]))
    except (OSError, KeyError, ValueError, pl.exceptions.PolarsError):
        return None


def _touch(span: Span, months: Sequence[date]) -> bool:
    return span[0] <= month_end(months[-1]) and span[1] >= months[0]


def _runs(months: Sequence[date], present: date, longest: int) -> list[Span]:
    """Neighbouring months in one span each, the present month apart."""
    runs: list[Span] = []
    for month in months:
        follows = runs and month_start(runs[-1][1]) != present and (month - runs[-1][1]).days == 1
        if follows and month != present and len(months_between(*runs[-1])) < longest:
            runs[-1] = (runs[-1][0], month_end(month))
        else:
            runs.append((month, month_end(month)))
    return runs
