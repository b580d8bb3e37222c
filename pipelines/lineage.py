"""Lineage: what each partition was made from, what it would be made from now, and so what is stale.

Dagster's event log is the record: each materialisation notes the hash of its content and a digest of what it was made
from. Nothing else is remembered, so a lost cursor loses nothing.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

import dagster as dg

from expectations.truth import READERS, is_truth
from pipelines.reach import Reach

Origin = Callable[[Sequence[str | None]], Mapping[str | None, str]]
Stored = Callable[[str], set[str | None]]


@dataclass(frozen=True)
class Stamp:
    """Hash of a partition's content, and digest of the code and inputs that made it."""

    content: str
    made_from: str


@dataclass(frozen=True)
class Edge:
    """An upstream asset that is read.

    counts  False where only the order matters: another content upstream does not make this asset stale
    """

    upstream: str
    reach: Reach
    counts: bool = True


@dataclass(frozen=True)
class Node:
    """An asset: its code, its partitions (one None where it has none), its inputs; a source also has an origin."""

    key: str
    code_version: str
    partitions: tuple[str | None, ...]
    edges: tuple[Edge, ...] = ()
    origin: Origin | None = None


@dataclass
class Lineage:
    """The asset graph with its digests."""

    nodes: dict[str, Node] = field(default_factory=dict)
    telling: set[str] = field(default_factory=set)  # the truth, and all that was made of it

    def add(self, node: Node) -> None:
        """Add an asset whose inputs were added before.

        raises  ValueError for an input that is not there, and for the truth in any stage that may not read it
        """
        unknown = [edge.upstream for edge in node.edges if edge.upstream not in self.nodes]
        if unknown:
            raise ValueError(f"{node.key} reads {unknown}, which no module declares; known: {sorted(self.nodes)}")
        self._keep_from_the_truth(node)
        self.nodes[node.key] = node

    def _keep_from_the_truth(self, node: Node) -> None:
        told = sorted(edge.upstream for edge in node.edges if edge.upstream in self.telling)
        stage = node.key.split("/", maxsplit=1)[0]
        if told and stage not in READERS:
            raise ValueError(
                f"{node.key} reads {told}, which is the truth of an embedded market or was made of it: what no model "
                f"may know. Only assets of {' and '.join(READERS)} may read it; leave it out, or compare with it there."
            )
        if told or is_truth(node.key):
            self.telling.add(node.key)

    def upstream(self, key: str, partition: str | None) -> list[tuple[str, str | None, bool]]:
        """Each (asset, partition, counts) that a partition reads."""
        node = self.nodes[key]
        return [
            (edge.upstream, part, edge.counts)
            for edge in node.edges
            for part in edge.reach.upstream(partition, self.nodes[edge.upstream].partitions)
        ]

    def ancestors(self, key: str) -> set[str]:
        """Every asset that `key` reads, directly or not."""
        direct = {edge.upstream for edge in self.nodes[key].edges}
        return direct.union(*(self.ancestors(name) for name in direct)) if direct else set()


_SEEN: WeakKeyDictionary[dg.DagsterInstance, dict[int, Stamp | None]] = WeakKeyDictionary()
"""By event log, the stamps of its events by their number."""


class Versions:
    """Stamps of the event log against a lineage, as of one moment."""

    def __init__(self, lineage: Lineage, instance: dg.DagsterInstance, stored: Stored) -> None:
        self.lineage = lineage
        self._instance = instance
        self._stored = stored
        self._stale: dict[tuple[str, str | None], bool] = {}

    @functools.cache  # noqa: B019  one short-lived object per evaluation
    def stamps(self, key: str) -> dict[str | None, Stamp]:
        """The latest stamp of each materialised partition of an asset whose data is still in store."""
        stored = self._stored(key)
        return {part: stamp for part, stamp in read_stamps(self._instance, key).items() if part in stored}

    @functools.cache  # noqa: B019
    def _origins(self, key: str) -> Mapping[str | None, str]:
        node = self.lineage.nodes[key]
        return node.origin(node.partitions) if node.origin else {}

    def made_from(self, key: str, partition: str | None) -> str | None:
        """Digest of the code and inputs a partition would be made from now; None while an input is missing."""
        return self._digest(key, partition, every_edge=False)

    def seen(self, key: str, partition: str | None) -> str | None:
        """As `made_from`, with the inputs that count for their order only: a change in either is a reason to try."""
        return self._digest(key, partition, every_edge=True)

    def _digest(self, key: str, partition: str | None, *, every_edge: bool) -> str | None:
        node = self.lineage.nodes[key]
        digest = hashlib.blake2b(node.code_version.encode(), digest_size=16)
        digest.update(self._origins(key).get(partition, "").encode())
        for upstream, part, counts in self.lineage.upstream(key, partition):
            stamp = self.stamps(upstream).get(part)
            if stamp is None:
                return None
            if counts or every_edge:
                digest.update(f"|{upstream}|{part}|{stamp.content}".encode())
        return digest.hexdigest()

    def ready(self, key: str) -> dict[str | None, str]:
        """The outdated partitions of which all that they read is fresh, each with what it would be made from."""
        return {
            part: str(self.seen(key, part))
            for part in self.lineage.nodes[key].partitions
            if self.is_outdated(key, part)
            and not any(self.is_stale(name, above) for name, above, _ in self.lineage.upstream(key, part))
        }

    def is_missing(self, key: str, partition: str | None) -> bool:
        """Whether a partition was never materialised."""
        return partition not in self.stamps(key)

    def is_stale(self, key: str, partition: str | None) -> bool:
        """Whether a partition is missing, was made from something else, or reads what is stale."""
        place = (key, partition)
        if place not in self._stale:
            self._stale[place] = self.is_outdated(key, partition) or any(
                self.is_stale(upstream, part) for upstream, part, _ in self.lineage.upstream(key, partition)
            )
        return self._stale[place]

    def is_outdated(self, key: str, partition: str | None) -> bool:
        """Whether a partition is missing or was made from something else than what lies upstream now."""
        stamp = self.stamps(key).get(partition)
        return stamp is None or stamp.made_from != self.made_from(key, partition)


def read_stamps(instance: dg.DagsterInstance, key: str) -> dict[str | None, Stamp]:
    """The latest stamp of each partition, from materialisation events; an event without a stamp counts as missing."""
    asset_key = dg.AssetKey(key.split("/"))
    latest = instance.get_latest_storage_id_by_partition(asset_key, dg.DagsterEventType.ASSET_MATERIALIZATION)
    if not latest:
        event = instance.get_latest_materialization_event(asset_key)
        stamp = _stamp(event.asset_materialization if event else None)
        return {} if stamp is None else {None: stamp}
    # An event never changes: what this process has read of it once is not read from the log again.
    seen = _SEEN.setdefault(instance, {})
    new = sorted(set(latest.values()) - set(seen))
    if new:
        query = dg.AssetRecordsFilter(asset_key=asset_key, storage_ids=new)
        for record in instance.fetch_materializations(query, len(new)).records:
            seen[record.storage_id] = _stamp(record.asset_materialization)
    found = {part: seen.get(event) for part, event in latest.items()}
    return {part: stamp for part, stamp in found.items() if stamp is not None}


def _stamp(made: dg.AssetMaterialization | None) -> Stamp | None:
    if made is None or not {"content", "made_from"} <= set(made.metadata):
        return None
    return Stamp(str(made.metadata["content"].value), str(made.metadata["made_from"].value))
