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
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from assets.sources.synthetic_market import SyntheticMarketSpec
from assets.table import Declaration
from benchmarks.delivered import CHANGES, Change, Delivered, Frames, delivered, sent_again, without_last_session
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
    whole = _exchange(asked.securities, asked.sessions)
    with _folder() as folder:
        _warm(tables, folder / "small")
        grown = grow(tables, whole.frames, whole, folder)
    _tell("one more session", grown)
    fewer = _exchange(FEWER, asked.sessions)
    found = {}
    for change in CHANGES:
        if _is_read(change, tables):
            with _folder() as folder:
                found[change.name] = grow(
                    tables, fewer.frames, replace(fewer, frames=change.apply(fewer.frames)), folder
                )
            _tell(change.name, found[change.name])
    with _folder() as folder:
        corrected = replace(fewer, frames=sent_again(fewer.frames))
        control = grow(feature_tables(_short_sighted), fewer.frames, corrected, folder, tables)
    _tell("control: no look-back is declared", control)
    differ = {"one more session": grown.cells, **{name: one.cells for name, one in found.items()}}
    figures = {
        "seconds": round(grown.made.seconds, 1),
        "cells_differ": sum(differ.values()),
        "overhead_seconds": round(grown.made.overhead, 1),
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


def grow(
    tables: Mapping[str, Declaration],
    before: Frames,
    after: Delivered,
    folder: Path,
    anew_with: Mapping[str, Declaration] | None = None,
) -> Found:
    """Make a river from what was delivered before, let it catch up, and compare it with one that is made anew.

    before     raw tables at first; those of `after` without their last session where both are the same
    anew_with  declarations of the river that is made anew, where they are not the same
    """
    first = without_last_session(before) if before is after.frames else before
    river = River(folder / "grown", replace(after, frames=first), tables)
    river.flow()
    anew = River(folder / "anew", after, anew_with or tables)
    anew.flow()
    moved = sum(apart(river, anew).values())
    caught_up = river.with_source(after)
    made = caught_up.flow()
    return Found(moved, apart(caught_up, anew), made)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--securities", type=int, default=SECURITIES)
    parser.add_argument("--sessions", type=int, default=SESSIONS, help="at least 120")
    return parser.parse_args()


def _exchange(securities: int, sessions: int) -> Delivered:
    return delivered(SyntheticMarketSpec(securities=securities, sessions=sessions, seed=SEED))


def _warm(tables: Mapping[str, Declaration], folder: Path) -> None:
    """Run everything once on a few securities, so that nothing is compiled or imported while seconds are counted."""
    River(folder, _exchange(20, 120), tables).flow()


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
    print(f"Dagster besides {made.overhead:.1f} s")
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
