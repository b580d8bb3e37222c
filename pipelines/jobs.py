"""Jobs: the asset graph cut by partition scheme, since one run holds one scheme."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import dagster as dg
from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition

REFRESH = "refresh"
VERDICT = "verdict"
BY_HAND = "by_hand"
CATCH_UP = "catch_up"
LISTS = ("serving/signals", "serving/rescored")

RANGE_START = "dagster/asset_partition_range_start"
RANGE_END = "dagster/asset_partition_range_end"


def walk_forward_job(scheme: str) -> str:
    """Name of the job that runs the folds of one scheme."""
    return f"walk_forward__{scheme}"


def job_of(key: str, schemes: Mapping[str, str | None]) -> str:
    """The job that holds an asset, unless it is made by hand.

    schemes  partition scheme of each asset, None for unpartitioned
    """
    scheme = schemes[key]
    if scheme is None:
        return VERDICT
    return REFRESH if scheme == "months" else walk_forward_job(scheme)


def make_jobs(
    schemes: Mapping[str, str | None], by_hand: Collection[str] = ()
) -> list[dg.JobDefinition | UnresolvedAssetJobDefinition]:
    """One job per scheme, and one of unpartitioned assets that are made only when somebody asks for them.

    refresh                 source to features and targets, a range of months in one run; and the list made of them
    walk_forward__<scheme>  training, one fold a run; experiments with equal windows share it
    verdict                 the gate, the reports and the leaderboard
    by_hand                 what costs more than a run of everything may
    """
    by_job: dict[str, list[dg.AssetKey]] = {}
    for key in schemes:
        jobs = {BY_HAND if key in by_hand else job_of(key, schemes)} | ({REFRESH} if key in LISTS else set())
        for job in jobs:
            by_job.setdefault(job, []).append(dg.AssetKey(key.split("/")))
    return [
        dg.define_asset_job(name, selection=dg.AssetSelection.assets(*keys)) for name, keys in sorted(by_job.items())
    ]
