"""Increment: one more session of a whole exchange, and whether what is made again equals what is made anew.

Raw tables of the embedded market, 5,000 securities, flow through cleaning into every feature group that the graph has.
Then the last session is delivered: what the graph calls stale is made again, and compared with a river that was made
at once. On a smaller exchange the same is done after a restated statement, a late announcement, a dividend and a
corrected bar. Counted are the seconds of all steps from the raw rows to the stored features; Dagster's own time stands
beside. Asked for: at most 15 seconds, and 0 cells that differ to the bit.

A comparison that cannot fail shows nothing: before each catching up the change must be seen as a difference, and a
graph that declares no look-back for its features must be caught.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import Declaration
from benchmarks.delivered import CHANGES, Change, Delivered, delivered, sent_again, without_last_session
from benchmarks.feature_river import Made, River, apart, feature_tables
from benchmarks.outcome import Demand, end
from pipelines.home import be_quiet
from pipelines.run_log import quicken

SECURITIES, SESSIONS = 5000, 520
FEWER = 300
SEED = 0


@dataclass(frozen=True)
class Found:
    """What one change did: cells that differ before and after catching up, and what was made."""

    moved: int
    left: Mapping[str, int]
    made: Made

    @property
    def cells(self) -> int:
        """Cells that differ after catching up."""
        return sum(self.left.values())


def main() -> int:
    """Time the increment on the whole exchange, try the changes on a smaller one, and say what was reached."""
    asked = _asked()
    be_quiet()
    quicken()
    tables = feature_tables()
    with _folder() as folder:
        whole = _exchange(asked.securities, asked.sessions)
        _warm(tables, folder / "small")
        grown = grow(_made(folder / "first", _shortened(whole), tables), whole, folder / "grown", tables)
    _tell("one more session", grown)
    found = {}
    with _folder() as folder:
        fewer = _exchange(FEWER, asked.sessions)
        first = _made(folder / "first", fewer, tables)
        for number, change in enumerate(one for one in CHANGES if _is_read(one, tables)):
            found[change.name] = grow(first, _changed(fewer, change), folder / str(number), tables)
            _tell(change.name, found[change.name])
        blind = _made(folder / "blind", fewer, feature_tables(_short_sighted))
        control = grow(blind, replace(fewer, frames=sent_again(fewer.frames)), folder / "control", tables)
    _tell("control: no look-back is declared", control)
    differ = {"one more session": grown.cells, **{name: one.cells for name, one in found.items()}}
    figures = {
        "seconds": round(grown.made.seconds, 1),
        "cells_differ": sum(differ.values()),
        "overhead_seconds": round(grown.made.overhead, 1),
        "processor_seconds": round(grown.made.busy, 1),
        "seconds_of_features": round(sum(_of_stage(grown.made.steps, "features").values()), 1),
        "groups": sorted(key.split("/")[1] for key, table in tables.items() if table.stage == "features"),
        "changes": list(differ),
        "least_moved": min(one.moved for one in (grown, *found.values())),
        "control_cells": control.cells,
        "securities": asked.securities,
        "sessions": asked.sessions,
    }
    demands = [
        Demand("seconds", 15, at_least=False),
        Demand("cells_differ", 0, at_least=False),
        Demand("least_moved", 1, at_least=True),
        Demand("control_cells", 1, at_least=True),
    ]
    return end(figures, demands)


def grow(first: River, after: Delivered, folder: Path, tables: Mapping[str, Declaration]) -> Found:
    """Let a river catch up with a delivery, and compare it with one that is made anew with the given declarations."""
    anew = _made(folder / "anew", after, tables)
    grown = first.after(after, folder / "grown")
    moved = sum(apart(grown, anew).values())
    made = grown.flow()
    found = Found(moved, apart(grown, anew), made)
    shutil.rmtree(folder)
    return found


def _made(folder: Path, source: Delivered, tables: Mapping[str, Declaration]) -> River:
    river = River(folder, source, tables)
    river.flow()
    return river


def _shortened(source: Delivered) -> Delivered:
    return replace(source, frames=without_last_session(source.frames))


def _changed(source: Delivered, change: Change) -> Delivered:
    return replace(source, frames=change.apply(source.frames))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--securities", type=int, default=SECURITIES)
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="at least 120")
    return parser.parse_args()


def _exchange(securities: int, sessions: int) -> Delivered:
    return delivered(SyntheticMarketSpec(securities=securities, sessions=sessions, seed=SEED))


def _warm(tables: Mapping[str, Declaration], folder: Path) -> None:
    """Run everything once on a few securities, so that nothing is compiled or imported while seconds are counted."""
    _made(folder, _exchange(20, 120), tables)


def _is_read(change: Change, tables: Mapping[str, Declaration]) -> bool:
    """Whether any table of the river reads the raw table that the change touches."""
    return any(change.table in table.inputs.values() for table in tables.values())


def _short_sighted(table: Declaration) -> Declaration:
    return replace(table, look_back={})


def _of_stage(steps: Mapping[str, float], stage: str) -> dict[str, float]:
    return {key: seconds for key, seconds in steps.items() if key.split("/")[0] == stage}


def _tell(name: str, found: Found) -> None:
    made = found.made
    print(f"\n{name}: {found.moved:,} cells differ before, {found.cells:,} after; steps {made.seconds:.1f} s, ", end="")
    print(f"Dagster besides {made.overhead:.1f} s, processor {made.busy:.1f} s")
    for key, seconds in made.steps.items():
        differ = f"{found.left[key]:12,} cells differ" if key in found.left else ""
        print(f"  {key:32} {made.months.get(key, 0):4} months {seconds:8.2f} s {differ}", flush=True)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
