"""Thirty days: sessions land in a folder one after another, and the sensors do the rest. Is each list there, in time?

A folder of files is brought up to date with some history, the user interface is started and its two sensors are
switched on. Then the sessions land: one file each, and among them a file that cannot be read and is sent again, one
that comes after its follower, one that is sent twice, a revision of a session a week old, and a holiday's empty file.
Each list is waited for; then, as in a night, until nothing is left to do. In the end the folder is brought up to date
once more from nothing, in another home: what lies in the two warehouses is compared cell by cell.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import yaml

from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.location import Server, free_port
from benchmarks.outcome import Demand, end
from expectations.tables import RawBars
from pipelines.settings import ROOT

HISTORY = 300
BOUND_SECONDS = 90
DEMANDS = (
    Demand("cells_differ", 0, at_least=False),
    Demand("lists_missing", 0, at_least=False),
    Demand("seconds_worst", BOUND_SECONDS, at_least=False),
)
HORIZON = 5
WINDOWS = {"train": "6mo", "valid": "2mo", "test": "1mo"}
EXPERIMENTS = {"five_sessions": 5, "ten_sessions": 10}
COLUMNS = ("open", "high", "low", "close", "prev_close", "volume", "amount", "adj_factor")
LEDGERS = ("evaluation/promotions", "serving/signals", "serving/rescored")
"""What happened, and what it led to: it is not made again from the data."""
RUNS = ("run_id", "mlflow_run")
WAITS_SECONDS, NIGHT_SECONDS, QUIET_SECONDS = 600, 3600, 75
SENSORS = ("new_bars", "stale")
START = """mutation {{ startSensor(sensorSelector: {{ repositoryName: "__repository__",
    repositoryLocationName: "pipelines.definitions", sensorName: "{name}" }}) {{ __typename }} }}"""
ACTIVE = """{ runsOrError(filter: { statuses: [QUEUED, NOT_STARTED, STARTING, STARTED, CANCELING] }) {
    ... on Runs { results { runId } } } }"""


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


@dataclass
class Office:
    """A home, the processes of the user interface over it, and what is asked of them."""

    home: Path
    delivery: Path
    experiments: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """What its processes are told."""
        own = {name: value for name, value in os.environ.items() if not name.startswith(("KINDLING_", "MLFLOW_TR"))}
        return {
            **own,
            "KINDLING_MARKET": f"files:{self.delivery}",
            "KINDLING_HOME": str(self.home),
            "KINDLING_EXPERIMENTS": str(self.experiments),
            "KINDLING_DAGSTER_PORT": str(self.port),
            "KINDLING_MLFLOW_PORT": str(free_port()),
            "PYTHONWARNINGS": "ignore",
        }

    @property
    def market(self) -> Path:
        """The folder of the one market."""
        return next(path for path in self.home.iterdir() if (path / "dagster").is_dir())

    def bring_up_to_date(self) -> None:
        """As `make demo` does; raises RuntimeError where it fails."""
        done = subprocess.run(
            [sys.executable, "-m", "pipelines.demo"], cwd=ROOT, env=self.environment, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}")

    @contextmanager
    def open(self) -> Iterator[Server]:
        """The user interface, with both sensors switched on."""
        log = (self.home / "ui.log").open("ab")
        line = [sys.executable, "-m", "pipelines.ui"]
        self.process = subprocess.Popen(line, cwd=ROOT, env=self.environment, stdout=log, stderr=log)
        server = Server(self.port)
        try:
            server.wait(self.process)
            for name in SENSORS:
                server.ask(START.format(name=name))
            yield server
        finally:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()

    def lists(self) -> list[str]:
        """The sessions whose list went out."""
        return sorted(path.name[:10] for path in (self.market / "lists").glob(f"*_{HORIZON}_sessions.parquet"))


def main() -> int:
    """Let the sessions land, and say what was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--securities", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--keep", type=Path, help="folder for all that is made, kept afterwards")
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    kept = asked.keep or Path(tempfile.mkdtemp())
    try:
        figures = month(kept, asked.securities, asked.sessions)
    finally:
        if asked.keep is None:
            shutil.rmtree(kept, ignore_errors=True)
    return end(figures, DEMANDS)


def month(kept: Path, securities: int, count: int) -> dict[str, float]:
    """The figures of one run."""
    spec = SyntheticMarketSpec(securities=securities, sessions=HISTORY + count, first=date(2014, 1, 2))
    delivery = Delivery(kept / "market", spec.read(RawBars, spec.first_session(), spec.last_session()))
    delivery.begin(HISTORY)
    office = Office(kept / "home", delivery.folder, experiments(kept / "experiments", delivery.sessions))
    office.bring_up_to_date()
    print(f"history of {HISTORY} sessions is up to date; lists: {office.lists()}", flush=True)
    to_come = delivery.sessions[HISTORY:]
    with office.open() as server:
        seconds = [land(office, delivery, day, what, server) for day, what in programme(to_come)]
    rebuilt = Office(kept / "rebuilt", delivery.folder, office.experiments)
    rebuilt.bring_up_to_date()
    differ = differences(office.market / "warehouse", rebuilt.market / "warehouse")
    missing = [f"{day}" for day in to_come if f"{day}" not in office.lists()]
    print(f"differ: {differ}\nmissing: {missing}")
    waited = [one for one in seconds if one is not None]
    return {
        "cells_differ": sum(differ.values()),
        "lists": len([name for name in office.lists() if name >= f"{to_come[0]}"]),
        "lists_due": len(to_come),
        "lists_missing": len(missing),
        "seconds_worst": round(max(waited), 1),
        "seconds_median": round(statistics.median(waited), 1),
        "sessions": count,
        "securities": securities,
    }


def experiments(folder: Path, sessions: Sequence[date]) -> Path:
    """Two simple experiments that differ in their look-back, on windows that fit the history."""
    folder.mkdir()
    first_test = (sessions[HISTORY - 1].replace(day=1) - timedelta(days=62)).replace(day=1)
    for name, look_back in EXPERIMENTS.items():
        settings = {
            "question": "Do the last sessions foretell the next five?",
            "features": ["price_window", "price_volume"],
            "target": {"horizon": HORIZON},
            "model": {"kind": "linear", "look_back": look_back},
            "walk_forward": {"first_test": first_test, **WINDOWS},
            "trading": {"top_k": 20, "hold_sessions": HORIZON},
        }
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder


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


def land(office: Office, delivery: Delivery, day: date, what: str, server: Server) -> float | None:
    """Let one file land, wait for its list where one is due and then for the night; returns the seconds to the list."""
    began = time.monotonic()
    is_due = what in ("plain", "sent again", "late", "early")
    if what == "broken":
        delivery.land_broken(day)
    elif what == "holiday":
        delivery.land(day)
        delivery.landed.pop()
    elif what == "revised":
        delivery.land(day, dearer)
    else:
        delivery.land(day)
    while is_due and f"{day}" not in office.lists() and time.monotonic() - began < WAITS_SECONDS:
        time.sleep(0.2)
    seconds = time.monotonic() - began if is_due else None
    night = quiet(server)
    print(f"{day} {what:10} list {seconds and f'{seconds:.1f} s'}, then {night:.0f} s", flush=True)
    return seconds


def dearer(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with another close and amount of the first three names, inside of what was traded."""
    first = pl.col("security_id").is_in(rows["security_id"].sort().head(3).implode())
    return rows.with_columns(pl.when(first).then(pl.col("low")).otherwise("close").alias("close"))


def quiet(server: Server) -> float:
    """Seconds until no run has been at work for a while."""
    began = since = time.monotonic()
    while time.monotonic() - since < QUIET_SECONDS and time.monotonic() - began < NIGHT_SECONDS:
        found = server.ask(ACTIVE)["runsOrError"]
        if found["results"]:
            since = time.monotonic()
        time.sleep(1)
    return time.monotonic() - began


def differences(one: Path, other: Path) -> dict[str, int]:
    """By table, the cells that differ between two warehouses; a row that only one has differs whole."""
    files = sorted({path.relative_to(root) for root in (one, other) for path in root.rglob("*.parquet")})
    found: dict[str, int] = {}
    for file in files:
        if file.parent.as_posix() not in LEDGERS and (cells := _cells(one / file, other / file)):
            found[file.as_posix()] = cells
    return found


def _cells(one: Path, other: Path) -> int:
    there = [pl.read_parquet(path).drop(RUNS, strict=False) for path in (one, other) if path.exists()]
    if len(there) < 2 or there[0].shape != there[1].shape:
        return max(max(frame.height, 1) * frame.width for frame in there)
    columns: Mapping[str, pl.Series] = there[1].to_dict()
    return sum(int((~mine.eq_missing(columns[name])).sum()) for name, mine in there[0].to_dict().items())


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
