"""Qlib files: Qlib's binary layout as arrays, checked.

    calendars/day.txt                    one session a line
    instruments/<name>.txt               symbol, first and last day of a spell, tab between them
    features/<symbol>/<field>.day.bin    little-endian float32: place of its first session in the calendar, then values

Source: Qlib, scripts/dump_bin.py and docs/component/data.rst. Qlib itself is not needed.
"""
# T sessions of the calendar, N sessions of one security

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

Floats = npt.NDArray[np.float64]
LITTLE_ENDIAN = np.dtype("<f4")


@dataclass(frozen=True)
class Series:
    """One field of one security: values from the session at `start` on, NaN where there is none."""

    start: int
    values_N: Floats

    @property
    def end(self) -> int:
        """Place after its last session."""
        return self.start + len(self.values_N)

    def between(self, start: int, end: int) -> Floats:
        """Values of the places start to end, NaN outside its own, [end - start]."""
        found = np.full(end - start, np.nan)
        low, high = max(start, self.start), min(end, self.end)
        if low < high:
            found[low - start : high - start] = self.values_N[low - self.start : high - self.start]
        return found


def read_calendar(folder: Path) -> pl.Series:
    """Sessions in order, [T].

    raises  ValueError when the file is missing, or is not a growing list of dates
    """
    path = folder / "calendars" / "day.txt"
    sessions = pl.Series(_lines(path), dtype=pl.String).str.strip_chars().str.slice(0, 10).str.to_date(strict=False)
    if sessions.is_empty() or sessions.null_count():
        raise ValueError(f"{path} must hold one date a line, written 2020-01-31; make it again with Qlib's dump_bin")
    if not sessions.is_sorted() or sessions.n_unique() != len(sessions):
        raise ValueError(f"{path} must hold each date once, in order; make it again with Qlib's dump_bin")
    return sessions.alias("session")


def read_instruments(folder: Path, name: str) -> pl.DataFrame:
    """Spells of a list of instruments: security_id (lower case), begins_on, ends_on; the last day is included.

    raises  ValueError when there is no such list, or a line of it is no spell
    """
    path = folder / "instruments" / f"{name}.txt"
    parts = pl.DataFrame({"line": _lines(path)}).with_columns(pl.col("line").str.split("\t"))
    day = {ours: pl.col("line").list.get(place, null_on_oob=True).str.slice(0, 10) for ours, place in _SPELL.items()}
    spells = parts.select(
        security_id=pl.col("line").list.get(0).str.strip_chars().str.to_lowercase(),
        **{ours: text.str.to_date(strict=False) for ours, text in day.items()},
    )
    wrong = spells.with_row_index("row", offset=1).filter(
        pl.any_horizontal(pl.all().is_null()) | (pl.col("begins_on") > pl.col("ends_on"))
    )
    if not wrong.is_empty():
        raise ValueError(
            f"line {wrong['row'][0]} of {path} is no spell; a line is symbol, first day, last day, with tabs between"
        )
    return spells


_SPELL = {"begins_on": 1, "ends_on": 2}


def read_series(path: Path, sessions: int) -> Series:
    """A field of a security; `sessions` is the length of the calendar.

    raises  ValueError when the file is no such series, or leaves the calendar
    """
    if path.stat().st_size % LITTLE_ENDIAN.itemsize or path.stat().st_size < LITTLE_ENDIAN.itemsize:
        raise ValueError(f"{path.name} has {path.stat().st_size} bytes, which are no float32 values")
    raw = np.fromfile(path, LITTLE_ENDIAN)
    start = float(raw[0])
    if not start.is_integer() or not 0 <= start <= sessions - (len(raw) - 1):
        raise ValueError(
            f"{path.name} says that its {len(raw) - 1} values begin at place {start} of {sessions} sessions"
        )
    return Series(int(start), raw[1:].astype(np.float64))


def _lines(path: Path) -> list[str]:
    if not path.is_file():
        held = sorted(one.stem for one in path.parent.glob("*.txt"))
        raise ValueError(f"there is no {path}; beside it are {held}. A folder made by Qlib's dump_bin has it.")
    return [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
