"""A small folder of deliveries that tests break, and the way of its rows through the source and admission."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
import yaml

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.refused_bars import refused_bars
from assets.sources.files import FilesSpec
from expectations.tables import Bars, RawBars, RefusedBars

NAMES = ["code", "date", "o", "h", "l", "c", "pre", "vol", "amt", "factor"]
OURS = ["security_id", "session", "open", "high", "low", "close", "prev_close", "volume", "amount", "adj_factor"]
MAPPING = {
    "files": "*.csv",
    "format": "csv",
    "columns": dict(zip(OURS, NAMES, strict=True)),
    "board": {"main": ["sh60", "sz00"], "chinext": ["sz30"]},
}
SESSIONS = [date(2015, 6, day) for day in (1, 2, 3, 4, 5, 8)]
BROKEN = ("sh600000", "sz000001", "sz300001")
SECOND = ("sh600003", "sz000004", "sz300005")
WHOLE = ("sh600001", "sh600002", "sz000002", "sz000003")

Lines = list[list[str]]


def sound_rows(securities: tuple[str, ...]) -> pl.DataFrame:
    """Rows that cannot be objected to, in the columns of the vendor."""
    rows = []
    for number, security in enumerate(securities):
        for day, session in enumerate(SESSIONS):
            close = round(10 + 7 * number + 0.05 * day, 2)
            shares = 1000 * (day + 1) + number
            price = {"o": close, "h": close + 0.2, "l": close - 0.2, "c": close, "pre": close - 0.05}
            rows.append(
                {"code": security, "date": session}
                | {name: round(value, 2) for name, value in price.items()}
                | {"vol": float(shares), "amt": round(close * shares, 2), "factor": 1.5}
            )
    return pl.DataFrame(rows)


def lines_of(securities: tuple[str, ...]) -> Lines:
    """The same as the cells of a CSV file, header first."""
    return [NAMES, *([str(cell) for cell in row] for row in sound_rows(securities).iter_rows())]


def csv(lines: Lines, separator: str = ",") -> bytes:
    """The lines as a file."""
    return "".join(separator.join(line) + "\n" for line in lines).encode()


@dataclass(frozen=True)
class Arrival:
    """What came of a folder: reasons of refused files, accepted bars, refused rows."""

    files: dict[str, str]
    kept: pl.DataFrame
    refused: pl.DataFrame

    def keys(self, frame: pl.DataFrame) -> set[tuple[str, date]]:
        """Security and session of each row."""
        return set(frame.select("security_id", "session").iter_rows())

    def rules(self) -> dict[str, int]:
        """Refused rows by rule."""
        return dict(self.refused.group_by("rule").len().iter_rows())


def arrival(folder: Path, changes: dict[str, object] | None = None) -> Arrival:
    """Read a folder as the pipeline does, and account for every row."""
    if changes is not None:
        (folder / "mapping.yaml").write_text(yaml.safe_dump(MAPPING | changes))
    spec = FilesSpec(folder=folder)
    first, last = spec.first_session(), spec.last_session()
    raw = RawBars.validate(spec.read(RawBars, first, last)).lazy()
    sessions = calendar(raw).collect().lazy()
    kept = Bars.validate(bars(raw, sessions).collect())
    refused = RefusedBars.validate(refused_bars(raw, sessions).collect())
    deliveries = spec.deliveries()
    read = deliveries.filter(pl.col("status") == "read")
    assert kept.height + refused.height == raw.collect().height >= read["rows"].sum()
    assert set(read["reason"]) <= {None}
    files = dict(deliveries.filter(pl.col("status") == "refused").select("delivery", "reason").iter_rows())
    for reason in [*files.values(), *refused["reason"]]:
        assert reason.strip()
        assert "Traceback" not in reason
    return Arrival(files, kept, refused)


@contextmanager
def in_our_words() -> Iterator[list[str]]:
    """Collects the message of an error that is ours; any other kind of error is let through."""
    said: list[str] = []
    try:
        yield said
    except ValueError as error:
        if type(error) is not ValueError:
            raise
        said.append(str(error))
