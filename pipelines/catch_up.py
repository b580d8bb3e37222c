"""Catch up: materialise, in this process, what the automation condition asks for, until it asks for nothing.

The condition is the daemon's own, its cursor is kept from wave to wave, and every run is in Dagster's log.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from typing import Protocol

import dagster as dg

from pipelines.graph import Graph
from pipelines.jobs import RANGE_END, RANGE_START, job_of


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


Ask = tuple[str, tuple[str | None, ...], tuple[str, ...]]


def bring_up_to_date(project: UpToDate, instance: dg.DagsterInstance) -> tuple[int, int]:
    """Materialise what is stale, wave by wave; returns the steps launched and the runs that failed."""
    cursor = None
    steps = failures = 0
    while True:
        result = dg.evaluate_automation_conditions(project.definitions, instance, cursor=cursor)
        cursor = result.cursor
        asks = list(_asks(project, result))
        if not asks:
            return steps, failures
        for job, partitions, keys in asks:
            steps += len(keys)
            failures += not _run(project, instance, job, partitions, keys)


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


def _run(
    project: UpToDate,
    instance: dg.DagsterInstance,
    job: str,
    partitions: tuple[str | None, ...],
    keys: tuple[str, ...],
) -> bool:
    began = time.monotonic()
    first, last = partitions[0], partitions[-1]
    span = "" if first is None else str(first) if first == last else f"{first} to {last}"
    print(f"  {job:34} {span:20} {', '.join(keys)}", end="", flush=True)
    is_range = project.schemes[keys[0]] == "months"
    outcome = project.definitions.resolve_job_def(job).execute_in_process(
        instance=instance,
        asset_selection=[dg.AssetKey(key.split("/")) for key in keys],
        partition_key=None if is_range else first,
        tags={RANGE_START: str(first), RANGE_END: str(last)} if is_range else None,
        raise_on_error=False,
    )
    print(f"   {time.monotonic() - began:6.1f} s{'' if outcome.success else '   FAILED'}", flush=True)
    for event in outcome.all_events:
        if event.is_step_failure:
            _tell(event)
    return bool(outcome.success)


def _tell(event: dg.DagsterEvent) -> None:
    """Say why a step failed; raises KeyboardInterrupt where it was stopped from outside."""
    error = event.step_failure_data.error
    cause = error.cause if error and error.cause else error
    if cause and cause.cls_name == "DagsterExecutionInterruptedError":
        raise KeyboardInterrupt
    print(f"      {event.step_key}: {cause.message.strip() if cause else 'unknown'}", file=sys.stderr)
