"""Sensors: what starts runs by itself, because bars arrived or because something became stale."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import dagster as dg

from pipelines.jobs import RANGE_END, RANGE_START, REFRESH
from pipelines.reach import month_start

if TYPE_CHECKING:
    from collections.abc import Sequence

    from assets.sources import Source
    from pipelines.graph import Graph

NEW_BARS_SECONDS, STALE_SECONDS = 10, 15


def new_bars_sensor(source: Source, graph: Graph) -> dg.SensorDefinition:
    """Watch all tables of the source, month by month; ask for a refresh of the months whose content changed.

    The run ends with the evening's list. The cursor is the digest of every month seen; the run key is made of the
    changed digests, so that one delivery starts one run however often the folder is looked at. Without a cursor what is
    in store counts as seen.
    """

    @dg.sensor(
        name="new_bars",
        job_name=REFRESH,
        minimum_interval_seconds=NEW_BARS_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=new_bars_sensor.__doc__,
    )
    def new_bars(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        seen: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        months = [str(key) for key in graph.month_keys]
        now = _held(source, months)
        changed = [key for key in months if key in now and seen.get(key) != now[key]]
        if not seen:
            changed = _not_in_store(graph, context.instance, source, changed)
        if not changed:
            return dg.SensorResult(
                skip_reason=f"no month changed of {len(now)} that the source holds",
                cursor=json.dumps(now, sort_keys=True),
            )
        run_key = hashlib.blake2b(json.dumps([(k, now[k]) for k in changed]).encode(), digest_size=12).hexdigest()
        # The months to come, which are empty, look back at the newest: they are made in the same run.
        reached = source.reached()
        end = months[-1] if reached and changed[-1] >= f"{reached:%Y-%m}" else changed[-1]
        request = dg.RunRequest(run_key=run_key, tags={RANGE_START: changed[0], RANGE_END: end})
        return dg.SensorResult(run_requests=[request], cursor=json.dumps(now, sort_keys=True))

    return new_bars


def _not_in_store(graph: Graph, instance: dg.DagsterInstance, source: Source, months: Sequence[str]) -> list[str]:
    """Those of the months of which a raw table is missing or was read from something else."""
    versions = graph.versions(instance)
    raw = [table.asset_key for table in source.offers()]
    return [month for month in months if any(versions.is_outdated(key, month) for key in raw)]


def _held(source: Source, months: Sequence[str]) -> dict[str, str]:
    """Month -> digest of all that the source holds for it, of every table that it offers."""
    starts = [month_start(key) for key in months]
    found = [source.digests(table, starts) for table in source.offers()]
    return {
        key: "|".join(digests[start] for digests in found if start in digests)
        for key, start in zip(months, starts, strict=True)
        if any(start in digests for digests in found)
    }


def stale_sensor() -> dg.AutomationConditionSensorDefinition:
    """Materialise, four times a minute, what is missing or was made from something else than what lies upstream now.

    Each wave is runs of their own, which a launcher may spread over a cluster; on one machine `catch_up` is faster.
    """
    return dg.AutomationConditionSensorDefinition(
        name="stale",
        target=dg.AssetSelection.all(),
        use_user_code_server=True,
        minimum_interval_seconds=STALE_SECONDS,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description=stale_sensor.__doc__,
    )
