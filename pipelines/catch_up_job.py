"""Catch-up job: all that became stale, made by one process in one run, when nothing else is at work.

What one new session leads to comes in some thirty waves. As runs of their own each would start a process that loads
the code, and a night would be ten times as long.
"""

import hashlib
import json
from collections.abc import Callable

import dagster as dg

from pipelines.catch_up import UpToDate, bring_up_to_date
from pipelines.graph import Graph
from pipelines.jobs import CATCH_UP, REFRESH
from pipelines.left_over import AT_WORK, HELD_BY, end_held

SECONDS = 15
ASKED, LEFT = "kindling/asked", "kindling/left"
"""Tags of a run: digest of what was ready as it was asked for, and of what was ready still as it ended."""
ACTIVE = [*AT_WORK, dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.NOT_STARTED]
BROKEN_OFF = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


def catch_up_job(project: Callable[[], UpToDate]) -> dg.JobDefinition:
    """The job; `project` gives what it brings up to date, once the definitions are there."""

    @dg.op(name="bring_up_to_date", description="Make what is stale, wave by wave, each as a run that is held by this.")
    def make_all(context: dg.OpExecutionContext) -> None:
        own, instance = project(), context.instance
        end_held(instance)
        gave_way = False

        def goes_on() -> bool:
            nonlocal gave_way
            gave_way = gave_way or _evening_waits(instance)
            return not gave_way

        steps, failed = bring_up_to_date(own, instance, goes_on=goes_on, tags={HELD_BY: context.run_id})
        context.log.info(f"{steps} steps, {failed} of the runs failed")
        if gave_way:
            context.log.info("A refresh waits for the cores: the rest is made after it.")
        else:
            instance.add_run_tags(context.run_id, {LEFT: _digest(ready(own.graph, instance))})

    @dg.job(name=CATCH_UP, description=catch_up_sensor.__doc__, tags={CATCH_UP: "one at a time"})
    def job() -> None:
        make_all()

    return job


def catch_up_sensor(graph: Graph) -> dg.SensorDefinition:
    """Make, in one run, all that is missing or was made from something else than what lies upstream now.

    It waits until no other run is at work, and for one more look, so that a refresh goes first; and it gives way to a
    refresh that comes while it is at work. What could not be made is not tried again before something has changed.
    """

    @dg.sensor(
        name=CATCH_UP,
        job_name=CATCH_UP,
        minimum_interval_seconds=SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=catch_up_sensor.__doc__,
    )
    def catch_up(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        instance = context.instance
        if instance.get_runs_count(dg.RunsFilter(statuses=ACTIVE)):
            return dg.SensorResult(skip_reason="other runs are at work")
        found = ready(graph, instance)
        if not found:
            return dg.SensorResult(skip_reason="everything is up to date", cursor="")
        digest, (key, parts) = _digest(found), next(iter(found.items()))
        said = f"{sum(map(len, found.values()))} partitions are stale, the first {key} {next(iter(parts))}"
        if last := tried(instance, digest):
            return dg.SensorResult(skip_reason=f"{said}; run {last} could not make them", cursor=digest)
        if context.cursor != digest:
            return dg.SensorResult(skip_reason=f"{said}; asked for if it is so at the next look", cursor=digest)
        return dg.SensorResult(run_requests=[dg.RunRequest(tags={ASKED: digest})], cursor=digest)

    return catch_up


def ready(graph: Graph, instance: dg.DagsterInstance) -> dict[str, dict[str, str]]:
    """By asset, the stale partitions that could be made at once, each with what it would be made from."""
    versions = graph.versions(instance)
    found = {key: versions.ready(key) for key in graph.lineage.nodes if key not in graph.by_hand}
    return {key: {str(part): seen for part, seen in parts.items()} for key, parts in found.items() if parts}


def tried(instance: dg.DagsterInstance, digest: str) -> str | None:
    """The last run of the job, if what is ready now was left by it, or if it was broken off with the same before it."""
    for run in instance.get_runs(dg.RunsFilter(job_name=CATCH_UP), limit=1):
        if run.tags.get(LEFT) == digest or (run.status in BROKEN_OFF and run.tags.get(ASKED) == digest):
            return run.run_id
    return None


def _evening_waits(instance: dg.DagsterInstance) -> bool:
    return instance.get_runs_count(dg.RunsFilter(job_name=REFRESH, statuses=ACTIVE)) > 0


def _digest(found: dict[str, dict[str, str]]) -> str:
    return hashlib.blake2b(json.dumps(found, sort_keys=True).encode(), digest_size=12).hexdigest()
