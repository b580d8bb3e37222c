"""Quick: the assets of the project made one after another in this process, without Dagster between them.

What makes an asset, what it reads, what it was made from, its schema, the verdicts and the refusals are the project's
own; only the runs and the event log are left out, which cost more than the work on so small a market. It runs in the
process of a trial, and so imports the project that lies on the path there.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import dagster as dg

    from pipelines.lineage import Stamp, Versions
    from pipelines.project import Project

Part = str | None
Stamps = dict[str, dict[Part, "Stamp"]]
STAMPS = "stamps.json"


@dataclass(frozen=True)
class Step:
    """What makes an asset, its schema, and the names under which it reads its inputs."""

    make: Callable[..., Any]
    schema: Any
    inputs: tuple[str, ...]


@dataclass(frozen=True)
class Context:
    """As much of a Dagster context as the assets ask for."""

    asset_key: dg.AssetKey
    partition_keys: tuple[Part, ...]
    instance: None = None
    run_id: str = "trial"
    log: logging.Logger = field(default_factory=lambda: logging.getLogger("trial"))

    @property
    def partition_key(self) -> Part:
        """The one partition."""
        return self.partition_keys[0]

    def add_output_metadata(self, metadata: Mapping[str, Any]) -> None:
        """Nobody reads it."""


def keep_stamps(project: Project, instance: dg.DagsterInstance, home: Path) -> None:
    """Write the stamps of all that was made, beside the data."""
    from pipelines.lineage import read_stamps

    found = {key: read_stamps(instance, key) for key in project.graph.lineage.nodes}
    told = {key: [[part, stamp.content, stamp.made_from] for part, stamp in of.items()] for key, of in found.items()}
    (home / STAMPS).write_text(json.dumps(told), encoding="utf-8")


def record() -> dict[str, Step]:
    """From here on the steps of a project that is loaded are kept, by key."""
    import pipelines.project
    from pipelines.graph import Graph

    steps: dict[str, Step] = {}

    class Recorded(Graph):
        """A graph that keeps what makes its assets."""

        def add(self, schema: Any, make: Any, **rest: Any) -> None:
            super().add(schema, make, **rest)
            steps[rest.get("key") or schema.asset_key] = Step(make, schema, tuple(rest["inputs"]))

    pipelines.project.Graph = Recorded  # type: ignore[attr-defined]
    return steps


def bring_up_to_date(project: Project, steps: Mapping[str, Step], home: Path, until: str) -> None:
    """Make what is stale of `until` and of all that it reads, in the order of the graph; what fails leaves the rest."""
    from pipelines import lineage

    stamps = _stamps(home)
    lineage.read_stamps = lambda _, key: stamps.get(key, {})  # type: ignore[assignment]
    nodes = project.graph.lineage.nodes
    needed = {until, *project.graph.lineage.ancestors(until)}
    for key in (key for key in nodes if key in needed):
        wanted = _wanted(project, project.graph.versions(None), key)  # type: ignore[arg-type]
        together = [wanted] if project.schemes[key] in (None, "months") else [(part,) for part in wanted]
        for parts in together if wanted else []:
            began = time.monotonic()
            try:
                made = _made(project, steps[key], key, parts)
                stamps.setdefault(key, {}).update(made)
            except Exception as error:
                print(f"{key} {parts[0] or ''}: {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            print(f"{time.monotonic() - began:6.1f} s {key} {parts[0] or ''}", flush=True)


def _stamps(home: Path) -> Stamps:
    from pipelines.lineage import Stamp

    told = json.loads((home / STAMPS).read_text(encoding="utf-8"))
    return {key: {part: Stamp(content, made_from) for part, content, made_from in of} for key, of in told.items()}


def _wanted(project: Project, versions: Versions, key: str) -> tuple[Part, ...]:
    """The automation's condition: made from something else than what lies upstream, and nothing upstream is stale."""
    lineage = project.graph.lineage
    return tuple(
        part
        for part in lineage.nodes[key].partitions
        if versions.is_outdated(key, part)
        and not any(versions.is_stale(name, above) for name, above, _ in lineage.upstream(key, part))
    )


def _made(project: Project, step: Step, key: str, parts: tuple[Part, ...]) -> dict[Part, Stamp]:
    """Make some partitions as the project's assets do, store them, and return their stamps."""
    import dagster as dg
    import polars as pl

    from pipelines.lineage import Stamp

    versions = project.graph.versions(None)  # type: ignore[arg-type]
    made_from = {part: str(versions.made_from(key, part)) for part in parts}
    made = step.make(Context(dg.AssetKey(key.split("/")), parts), **_frames(project, step, key, parts))
    if not isinstance(made, pl.DataFrame | dict):
        made = _returned(made)
    if isinstance(made, pl.DataFrame):
        frame = step.schema.validate(made, cast=True) if step.schema.column_names() else made
        made = _stored(project, key, frame, parts)
    else:
        made = {part: told.content for part, told in made.items()}
    return {part: Stamp(made[part], made_from[part]) for part in parts}


def _stored(project: Project, key: str, frame: Any, parts: tuple[Part, ...]) -> dict[Part, str]:
    warehouse, graph = project.graph.warehouse, project.graph
    if project.schemes[key] == "months":
        return {part: told.content for part, told in warehouse.store(key, frame, list(parts), graph.months).items()}  # type: ignore[arg-type]
    return {part: warehouse.write(key, part, frame) for part in parts}


def _frames(project: Project, step: Step, key: str, parts: tuple[Part, ...]) -> dict[str, Any]:
    read = project.graph.read_of(key, parts)
    edges = project.graph.lineage.nodes[key].edges
    return {name: read[edge.upstream] for name, edge in zip(step.inputs, edges, strict=True)}


def _returned(steps: Any) -> Any:
    """What a generator of check results returns at its end."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
