"""Catch up: materialise, in this process, what the automation condition asks for, until it asks for nothing.

The condition is the daemon's own, its cursor is kept from wave to wave, and every run is in Dagster's log.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import dagster as dg

from pipelines.graph import Graph
from pipelines.jobs import RANGE_END, RANGE_START, job_of

NAMED = 4
Ask = tuple[str, tuple[str | None, ...], tuple[str, ...]]


class UpToDate(Protocol):
    """What is brought up to date: a graph, its definitions, and the partition scheme of each asset."""

    @property
    def graph(self) -> Graph:
        """Assets and lineage."""

    @property
    def definitions(self) -> dg.Definitions:
        """The same for Dagster."""

    @property
    def schemes(self) -> Mapping[str, str | None]:
        """Partition scheme of each asset."""


@dataclass(frozen=True)
class Outcome:
    """How one run ended: seconds, and what each failed step said."""

    seconds: float
    failures: tuple[str, ...]


def bring_up_to_date(
    project: UpToDate,
    instance: dg.DagsterInstance,
    folds_at_once: Callable[[list[Ask]], Iterator[Outcome]] | None = None,
    goes_on: Callable[[], bool] = lambda: True,
    tags: Mapping[str, str] | None = None,
) -> tuple[int, int]:
    """Materialise what is stale, wave by wave; returns the steps launched and the runs that failed.

    folds_at_once  runs several folds side by side, yielding their outcomes in order; one after another where absent
    goes_on        asked before each run of this process: once it is false, nothing more is begun
    tags           of each run of this process
    """
    cursor = None
    steps = failed = 0
    while True:
        result = dg.evaluate_automation_conditions(project.definitions, instance, cursor=cursor)
        cursor = result.cursor
        asks = list(_asks(project, result))
        if not asks:
            return steps, failed
        alone = [ask for ask in asks if not folds_at_once or project.schemes[ask[2][0]] in (None, "months")]
        folds = [ask for ask in asks if ask not in alone]
        for ask in alone:
            if not goes_on():
                return steps, failed
            _announce(ask)
            failed += _tell(run(project, instance, ask, tags))
            steps += len(ask[2])
        if folds_at_once and folds:
            for ask, outcome in zip(folds, folds_at_once(folds), strict=True):
                _announce(ask)
                failed += _tell(outcome)
                steps += len(ask[2])


def _asks(project: UpToDate, result: dg.EvaluateAutomationConditionsResult) -> Iterator[Ask]:
    """What was asked for, as one run per job and stretch of partitions, in the order of the graph."""
    groups: dict[tuple[str, tuple[str | None, ...]], list[str]] = {}
    for key, node in project.graph.lineage.nodes.items():
        requested = result.get_requested_partitions(dg.AssetKey(key.split("/")))
        for stretch in _stretches([part for part in node.partitions if part in requested], node.partitions):
            job = job_of(key, project.schemes)
            for piece in [stretch] if project.schemes[key] in (None, "months") else [(part,) for part in stretch]:
                groups.setdefault((job, piece), []).append(key)
    for (job, partitions), keys in groups.items():
        yield job, partitions, tuple(keys)


def _stretches(wanted: list[str | None], known: tuple[str | None, ...]) -> Iterator[tuple[str | None, ...]]:
    """Runs of neighbouring partitions."""
    places = [known.index(part) for part in wanted]
    start = 0
    for i in range(1, len(places) + 1):
        if i == len(places) or places[i] != places[i - 1] + 1:
            yield tuple(wanted[start:i])
            start = i


def run(project: UpToDate, instance: dg.DagsterInstance, ask: Ask, tags: Mapping[str, str] | None = None) -> Outcome:
    """One Dagster run in this process; raises KeyboardInterrupt where it was stopped from outside."""
    job, partitions, keys = ask
    began = time.monotonic()
    is_range = project.schemes[keys[0]] == "months"
    outcome = project.definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
        partition_key=None if is_range else partitions[0],
        tags=dict(tags or {}) | ({RANGE_START: str(partitions[0]), RANGE_END: str(partitions[-1])} if is_range else {}),
        raise_on_error=False,
    )
    failures = tuple(_why(event) for event in outcome.all_events if event.is_step_failure)
    return Outcome(time.monotonic() - began, failures)


def _why(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    cause = error.cause if error and error.cause else error
    if cause and cause.cls_name == "DagsterExecutionInterruptedError":
        raise KeyboardInterrupt
    return f"{event.step_key}: {cause.message.strip() if cause else 'unknown'}"


def _announce(ask: Ask) -> None:
    job, partitions, keys = ask
    first, last = partitions[0], partitions[-1]
    span = "" if first is None else str(first) if first == last else f"{first} to {last}"
    rest = f" and {len(keys) - NAMED} more" if keys[NAMED:] else ""
    print(f"  {job:32} {span:19} {', '.join(keys[:NAMED])}{rest}", end="", flush=True)


def _tell(outcome: Outcome) -> bool:
    """Say how a run ended; true where it failed."""
    print(f"   {outcome.seconds:6.1f} s{'   FAILED' if outcome.failures else ''}", flush=True)
    for failure in outcome.failures:
        print(f"      {failure}", file=sys.stderr, flush=True)
    return bool(outcome.failures)
