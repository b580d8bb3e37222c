"""Gate cost: what the gate costs beside what it guards.

One market is brought from raw rows to the leaderboard, in a home of its own, in one process with one thread, one step
after another. Counted are the processor seconds of every step, user and system, with those of processes that it
started: reading, computing, checking, hashing and storing, but not what Dagster takes between steps to find out what
is due. The gate's are all steps of assets of the group `gate`; guarded are the steps of all other assets that lead to
the leaderboard, or that the gate judges for it. Asked for: the gate costs at most a quarter of what it guards.

Folds are trained one after another here and side by side in a demo; their processor seconds are the same. `--market`
names the bars, as MARKET does for make; the figure asked for is that of real bars (files:FOLDER).
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg

from assets.sources.market import parse_market
from benchmarks.needed import Needed, is_gate
from benchmarks.outcome import Demand, end, not_possible
from benchmarks.world import project_of
from pipelines.home import be_quiet
from pipelines.settings import EXPERIMENTS
from pipelines.workers import workers

LEADERBOARD = "evaluation/leaderboard"
LARGEST_SHARE = 0.25
ENDS = (dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE)


@dataclass
class Meter:
    """Processor seconds and number of the steps of each asset, of one process that runs one step at a time.

    assets  key of the asset that each step makes
    """

    assets: Mapping[str, str]
    seconds: dict[str, float] = field(default_factory=dict)
    steps: dict[str, int] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)
    _began: float = 0.0

    def event(self, event: dg.DagsterEvent, now: float) -> None:
        """Take note of an event at a count of processor seconds; only starts and ends of steps matter."""
        if event.event_type == dg.DagsterEventType.STEP_START:
            self._began = now
        elif event.event_type in ENDS:
            key = self.assets[str(event.step_key)]
            self.seconds[key] = self.seconds.get(key, 0.0) + now - self._began
            self.steps[key] = self.steps.get(key, 0) + 1
            if event.event_type == dg.DagsterEventType.STEP_FAILURE:
                self.failed.append(key)


@dataclass(frozen=True)
class Cost:
    """What one run cost: processor seconds and steps by asset, those of all it did, and what failed, in words."""

    seconds: Mapping[str, float]
    steps: Mapping[str, int]
    whole: float
    failed: str


def main() -> int:
    """Bring the market up to date, print the table and say what was reached."""
    asked = _asked()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    began = time.monotonic()
    # A process of its own, since threads are counted out when libraries are first imported.
    with workers(1) as pool:
        cost = pool.submit(measured, asked.market, asked.experiments).result()
    if cost.failed:
        return not_possible(f"not every step succeeded, so nothing can be compared:\n{cost.failed}")
    _show(cost)
    figures = {
        **shared(cost.seconds),
        "besides_steps": round(cost.whole - sum(cost.seconds.values()), 1),
        "market": asked.market,
        "minutes": round((time.monotonic() - began) / 60, 1),
    }
    return end(figures, [Demand("share", LARGEST_SHARE, at_least=False)])


def measured(market: str, experiments: Path) -> Cost:
    """Make the leaderboard and all that leads to it in a temporary home, and count what each asset cost."""
    be_quiet()
    with tempfile.TemporaryDirectory() as home:
        needed = Needed(project_of(parse_market(market), Path(home), experiments), {LEADERBOARD})
        meter = Meter({key.replace("/", "__"): key for key in needed.keys})
        since = processor_seconds()
        with needed.instance() as instance, listening(instance, meter):
            said = needed.flow(instance)
    return Cost(meter.seconds, meter.steps, processor_seconds() - since, said if meter.failed else "")


def shared(seconds: Mapping[str, float]) -> dict[str, float]:
    """Share of the gate in what it guards, and the processor seconds of both, from those of each asset."""
    gate = sum(spent for key, spent in seconds.items() if is_gate(key))
    guarded = sum(spent for key, spent in seconds.items() if not is_gate(key))
    return {"share": gate / guarded if guarded else float("nan"), "gate": round(gate, 1), "guarded": round(guarded, 1)}


def processor_seconds() -> float:
    """Of this process with all its threads, and of its children that have ended."""
    used = [resource.getrusage(whose) for whose in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


@contextmanager
def listening(instance: dg.DagsterInstance, meter: Meter) -> Iterator[None]:
    """Let the meter see every event when it is stored, while the step that sends it waits."""
    handle = instance.handle_new_event

    def heard(event: Any, **rest: Any) -> None:
        if event.dagster_event is not None and event.dagster_event.event_type in ENDS:
            meter.event(event.dagster_event, processor_seconds())
        handle(event, **rest)
        if event.dagster_event is not None and event.dagster_event.event_type not in ENDS:
            meter.event(event.dagster_event, processor_seconds())

    instance.handle_new_event = heard  # type: ignore[method-assign]
    try:
        yield
    finally:
        instance.handle_new_event = handle  # type: ignore[method-assign]


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", default="synthetic_market", help="as MARKET, for instance files:FOLDER")
    parser.add_argument("--experiments", default=EXPERIMENTS, type=Path, help="folder of experiments")
    return parser.parse_args()


def _show(cost: Cost) -> None:
    whole = shared(cost.seconds)["guarded"] or float("nan")
    print(f"{'asset':44} {'steps':>5} {'processor s':>11} {'of guarded':>10}")
    for key, seconds in sorted(cost.seconds.items(), key=lambda item: (is_gate(item[0]), -item[1])):
        print(f"{key:44} {cost.steps[key]:5} {seconds:11.2f} {seconds / whole:10.1%}")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
