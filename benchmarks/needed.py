"""Needed: the part of a project that some of its assets need, brought up to date in a folder of its own."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

import dagster as dg

from pipelines.catch_up import bring_up_to_date
from pipelines.graph import Graph
from pipelines.jobs import make_jobs
from pipelines.project import Project
from pipelines.run_log import quicken

GATE = "gate"


@dataclass
class Needed:
    """A project cut to the assets of `wanted` and all that they read, directly or not."""

    project: Project
    wanted: Collection[str]
    definitions: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        keys = self.keys
        self.definitions = dg.Definitions(
            assets=[asset for asset in self.graph.assets if asset.key.to_user_string() in keys],
            jobs=make_jobs({key: scheme for key, scheme in self.graph.schemes.items() if key in keys}),
            resources={"io_manager": self.graph.warehouse},
            executor=dg.in_process_executor,
        )

    @property
    def graph(self) -> Graph:
        """Assets and lineage of the whole project."""
        return self.project.graph

    @property
    def schemes(self) -> Mapping[str, str | None]:
        """Partition scheme of each asset."""
        return self.graph.schemes

    @property
    def keys(self) -> set[str]:
        """Keys of the assets that are made."""
        return set(self.wanted).union(*(self.graph.lineage.ancestors(key) for key in self.wanted))

    @contextlib.contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's record of the runs, in the home of the project."""
        quicken()
        self.project.settings.dagster_home.mkdir(parents=True, exist_ok=True)
        with dg.DagsterInstance.local_temp(str(self.project.settings.dagster_home)) as instance:
            yield instance

    def flow(self, instance: dg.DagsterInstance) -> str:
        """Make all that is missing, one run after another in this process; returns what was said, failures too."""
        said = io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            bring_up_to_date(self, instance)
        return said.getvalue()


def is_gate(key: str) -> bool:
    """Whether an asset is one of the gate's: evidence, a verdict, or made of them for it."""
    return key.split("/", maxsplit=1)[0] == GATE
