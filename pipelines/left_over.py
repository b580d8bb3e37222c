"""Left over: runs of which nobody is at work any more, because the processes that held them were killed."""

from __future__ import annotations

import dagster as dg
from dagster._core.storage.tags import GRPC_INFO_TAG

AT_WORK = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
WHY = "The user interface that had launched this run ended before it. It is launched again by itself."


def end_left_over(instance: dg.DagsterInstance) -> list[str]:
    """End the runs that an earlier user interface had launched: those at work as it was killed; returns their ids.

    Else they would seem to be at work for ever and hold the place of others. Runs of `make demo` are left alone: they
    are held by a process of their own.
    """
    runs = [run for run in instance.get_runs(dg.RunsFilter(statuses=AT_WORK)) if GRPC_INFO_TAG in run.tags]
    for run in runs:
        instance.report_run_failed(run, message=WHY)
    return [run.run_id for run in runs]
