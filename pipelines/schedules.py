"""Schedules: what starts runs by the clock of the exchange."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dagster as dg

from expectations.tables import EXCHANGE_TIME_ZONE
from pipelines.jobs import RANGE_END, RANGE_START, REFRESH

if TYPE_CHECKING:
    from pipelines.graph import Graph


def after_close_schedule(graph: Graph) -> dg.ScheduleDefinition:
    """On working days at 17:30 in Shanghai, when sources have delivered: refresh the month of the day.

    A day outside the source's declared span is skipped with that reason.
    """

    @dg.schedule(
        name="after_close",
        cron_schedule="30 17 * * 1-5",
        job_name=REFRESH,
        execution_timezone=EXCHANGE_TIME_ZONE,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description=after_close_schedule.__doc__,
    )
    def after_close(context: dg.ScheduleEvaluationContext) -> dg.RunRequest | dg.SkipReason:
        day = context.scheduled_execution_time
        month = f"{day:%Y-%m}"
        if month not in graph.month_keys:
            first, last = graph.month_keys[0], graph.month_keys[-1]
            return dg.SkipReason(f"{day:%Y-%m-%d} is outside the source's span {first} to {last}")
        return dg.RunRequest(run_key=f"{day:%Y-%m-%d}", tags={RANGE_START: month, RANGE_END: month})

    return after_close
