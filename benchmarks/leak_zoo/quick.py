"""Quick: the project's own runs, asked for by its own stored versions, without Dagster's automation in between.

The condition is that of the automation (made from something else than what lies upstream now), looked up once for all
assets and not once for each; the runs, the checks and their refusals are the same. It runs in the process of a trial.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

    from pipelines.lineage import Versions
    from pipelines.project import Project

Part = str | None
Stale = Mapping[str, tuple[Part, ...]]


def bring_up_to_date(project: Project, instance: dg.DagsterInstance) -> None:
    """Materialise what is stale, as many assets of one partition scheme in a run as can be; what failed stays so."""
    from pipelines.catch_up import run
    from pipelines.jobs import job_of

    tried: set[str] = set()
    while True:
        stale = _stale(project, project.graph.versions(instance), tried)
        keys = _next(project, stale)
        if not keys:
            return
        tried |= keys
        ordered = tuple(key for key in project.graph.lineage.nodes if key in keys)
        parts = stale[ordered[0]]
        job = job_of(ordered[0], project.schemes)
        for piece in [parts] if project.schemes[ordered[0]] in (None, "months") else [(part,) for part in parts]:
            outcome = run(project, instance, (job, piece, ordered))
            print(f"{outcome.seconds:6.1f} s {job} {piece[0]} {' '.join(ordered)}", flush=True)
            for failure in outcome.failures:
                print(failure, file=sys.stderr, flush=True)


def _stale(project: Project, versions: Versions, tried: set[str]) -> Stale:
    """Assets that nobody makes by hand and that were not tried yet -> their stale partitions."""
    nodes = {key: node for key, node in project.graph.lineage.nodes.items() if key not in project.graph.by_hand}
    found = {key: tuple(part for part in node.partitions if versions.is_stale(key, part)) for key, node in nodes.items()}
    return {key: parts for key, parts in found.items() if parts and key not in tried}


def _next(project: Project, stale: Stale) -> set[str]:
    """Assets of one scheme that read nothing stale but one another; those of the earliest asset in the graph."""
    by_scheme: dict[Part, set[str]] = {}
    for key in project.graph.lineage.nodes:
        if key in stale:
            mine = by_scheme.setdefault(project.schemes[key], set())
            above = {edge.upstream for edge in project.graph.lineage.nodes[key].edges}
            if (above & set(stale)) <= mine:
                mine.add(key)
    return next((keys for keys in by_scheme.values() if keys), set())
