"""Staleness: the one automation condition of every asset, used by the daemon's sensor and by `make demo` alike.

A partition is asked for when it is missing or was made from something else than what lies upstream now, once for each
such difference, and only when all it reads is fresh. The event log is compared, so a lost cursor hides nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any
from weakref import WeakKeyDictionary

import dagster as dg

from pipelines.lineage import Lineage, Node, Versions

SnapshotOf = Callable[[dg.DagsterInstance], Versions]


class Stale(dg.AutomationCondition):  # type: ignore[type-arg]
    """Made from something else than what lies upstream now, and everything upstream is fresh."""

    def __init__(self, lineage: Lineage, snapshot: SnapshotOf) -> None:
        self._lineage = lineage
        self._snapshot = snapshot
        self._of_tick: WeakKeyDictionary[Any, Versions] = WeakKeyDictionary()

    @property
    def name(self) -> str:
        """Shown in the UI."""
        return "made_from_something_else"

    def get_node_unique_id(self, *, parent_unique_id: str | None, index: int | None, target_key: object) -> str:
        """One fixed id: the state belongs to the asset."""
        return hashlib.blake2b(f"{parent_unique_id}|{index}|stale".encode(), digest_size=8).hexdigest()

    def evaluate(self, context: dg.AutomationContext) -> dg.AutomationResult:  # type: ignore[type-arg]
        """Ask for what is stale and ready, and remember for what difference it was asked."""
        key = context.key.to_user_string()
        versions = self._versions(context.asset_graph_view)
        asked_before: dict[str, str] = json.loads(context.cursor) if context.cursor else {}
        wanted = set(versions.ready(key)) | self._chained(context, versions, key)
        seen = {str(part): str(versions.seen(key, part)) for part in wanted}
        asked = {part for part in wanted if asked_before.get(str(part)) != seen[str(part)]}
        return dg.AutomationResult(
            context, _subset(context, asked), cursor=json.dumps(asked_before | seen, sort_keys=True)
        )

    def _versions(self, view: Any) -> Versions:
        """One look at the event log for all assets of a tick: each has its own view of the graph."""
        if view not in self._of_tick:
            self._of_tick[view] = self._snapshot(view.instance)
        return self._of_tick[view]

    def _chained(self, context: dg.AutomationContext, versions: Versions, key: str) -> set[str | None]:  # type: ignore[type-arg]
        """Missing partitions whose inputs are missing too but asked for in this very tick: one run makes them all."""
        node = self._lineage.nodes[key]
        asked_above = {edge.upstream: self._asked(context, edge.upstream, node) for edge in node.edges}
        missing = {part for part in node.partitions if versions.is_missing(key, part)}
        ready = {
            part
            for part in missing
            if all(
                above in asked_above[name] or not versions.is_stale(name, above)
                for name, above, _ in self._lineage.upstream(key, part)
            )
        }
        return ready if all(not asked or asked == ready for asked in asked_above.values()) else set()

    def _asked(self, context: dg.AutomationContext, upstream: str, node: Node) -> set[str | None]:  # type: ignore[type-arg]
        """Partitions of an upstream asset asked for in this tick, where one run can hold both assets."""
        subset = context.request_subsets_by_key.get(dg.AssetKey(upstream.split("/")))
        if subset is None or subset.is_empty or self._lineage.nodes[upstream].partitions != node.partitions:
            return set()
        return {None} if node.partitions == (None,) else set(subset.expensively_compute_partition_keys())


def _subset(context: dg.AutomationContext, partitions: set[str | None]) -> Any:  # type: ignore[type-arg]
    if not partitions:
        return context.get_empty_subset()
    if context.partitions_def is None:
        return context.candidate_subset
    return context.asset_graph_view.get_subset_from_partition_keys(
        context.key, context.partitions_def, {str(part) for part in partitions}
    )
