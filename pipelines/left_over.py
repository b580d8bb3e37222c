"""Left over: runs of which nobody is at work any more, because the processes that held them were killed."""

from __future__ import annotations

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

HELD_BY = "kindling/held_by"
"""Tag of a run that is made inside of the process of another one: the id of that one."""
AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
WHY = "The user interface that had launched this run ended before it. It is launched again by itself."
WHY_HELD = "The process that made this run ended before it. What was to be made is made by the next run of the job."


def end_left_over(instance: dg.DagsterInstance) -> list[str]:
    """End the runs that an earlier user interface had launched: those at work as it was killed; returns their ids.

    Else they would seem to be at work for ever and hold the place of others. Runs of `make demo` are left alone: they
    are held by a process of their own.
    """
    return _end(instance, GRPC_INFO_TAG, WHY) + end_held(instance)


def end_held(instance: dg.DagsterInstance) -> list[str]:
    """End the runs at work inside of other runs, of which none may be at work; returns their ids."""
    return _end(instance, HELD_BY, WHY_HELD)


def _end(instance: dg.DagsterInstance, tag: str, why: str) -> list[str]:
    runs = [run for run in instance.get_runs(dg.RunsFilter(statuses=AT_WORK)) if tag in run.tags]
    for run in runs:
        instance.report_run_failed(run, message=why)
    return [run.run_id for run in runs]
