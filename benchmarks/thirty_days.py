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
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import yaml
from mlflow import MlflowClient

from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.landing import Delivery, dearer, programme
from benchmarks.office import WAITS_SECONDS, Office
from benchmarks.outcome import Demand, end
from expectations.tables import RawBars

HISTORY = 300
BOUND_SECONDS = 90
DEMANDS = (
    Demand("cells_differ", 0, at_least=False),
    Demand("lists_missing", 0, at_least=False),
    Demand("runs_doubled", 0, at_least=False),
    Demand("seconds_worst", BOUND_SECONDS, at_least=False),
)
HORIZON = 5
WINDOWS = {"train": "6mo", "valid": "2mo", "test": "1mo"}
EXPERIMENTS = {"five_sessions": 5, "ten_sessions": 10}
LEDGERS = ("evaluation/promotions", "serving/signals", "serving/rescored", "serving/watch")
"""What happened, and what it led to: it is not made again from the data."""
RUNS = ("run_id", "mlflow_run")
IDENTITY = ("walk_forward_id", "fold", "seed", "learned_from")
NIGHT_SECONDS = 3600
KILLED = {6: "webserver", 14: "daemon", 18: "run", 22: "mlflow"}
"""Which process is killed after which file has landed, where `--kill` asks for it."""


def main() -> int:
    """Let the sessions land, and say what was reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--securities", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=30)
    parser.add_argument("--kill", action="store_true", help="kill a process of each kind on the way")
    parser.add_argument("--keep", type=Path, help="folder for all that is made, kept afterwards")
    asked = parser.parse_args()
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    kept = asked.keep or Path(tempfile.mkdtemp())
    try:
        figures = month(kept, asked.securities, asked.sessions, KILLED if asked.kill else {})
    finally:
        if asked.keep is None:
            shutil.rmtree(kept, ignore_errors=True)
    return end(figures, DEMANDS)


def month(kept: Path, securities: int, count: int, killed: Mapping[int, str]) -> dict[str, float]:
    """The figures of one run."""
    spec = SyntheticMarketSpec(securities=securities, sessions=HISTORY + count, first=date(2014, 1, 2))
    delivery = Delivery(kept / "market", spec.read(RawBars, spec.first_session(), spec.last_session()))
    delivery.begin(HISTORY)
    office = Office(kept / "home", delivery.folder, experiments(kept / "experiments", delivery.sessions))
    office.bring_up_to_date()
    print(f"history of {HISTORY} sessions is up to date; lists: {office.lists()}", flush=True)
    to_come = delivery.sessions[HISTORY:]
    office.start()
    try:
        landings = enumerate(programme(to_come))
        seconds = [land(office, delivery, day, what, killed.get(place)) for place, (day, what) in landings]
    finally:
        office.stop()
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
        "runs_doubled": doubled(office.market),
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


def land(office: Office, delivery: Delivery, day: date, what: str, killed: str | None) -> float | None:
    """Let one file land, wait for its list where one is due and then for the night; returns the seconds to the list.

    killed  process to kill once a run is at work; then the list may take longer, and its seconds count for nothing
    """
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
    if killed:
        office.kill(killed)
    while is_due and f"{day}" not in office.lists() and time.monotonic() - began < WAITS_SECONDS:
        time.sleep(0.2)
    seconds = time.monotonic() - began if is_due else None
    night = quiet(office)
    told = f", {killed} was killed" if killed else ""
    print(f"{day} {what:10} list {seconds and f'{seconds:.1f} s'}, then {night:.0f} s{told}", flush=True)
    return None if killed else seconds


def quiet(office: Office) -> float:
    """Seconds until the sensor says that nothing is left to do."""
    began, since = time.monotonic(), time.time()
    while not office.rests(since) and time.monotonic() - began < NIGHT_SECONDS:
        time.sleep(1)
    return time.monotonic() - began


def doubled(home: Path) -> int:
    """Finished runs of a fold and seed in the tracking store that another one has the same identity as."""
    client = MlflowClient(f"sqlite:///{home / 'mlflow' / 'mlflow.db'}")
    names = [experiment.experiment_id for experiment in client.search_experiments()]
    runs = client.search_runs(names, "tags.level = 'fold' and attributes.status = 'FINISHED'", max_results=10_000)
    known = [tuple(run.data.tags[name] for name in IDENTITY) for run in runs]
    return len(known) - len(set(known))


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
