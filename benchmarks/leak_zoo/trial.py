"""Trial: in a process of its own, the project of one copy of the source brings a market up to date, or is stopped.

Nothing of the project is imported before the copy stands first on the path; every import of it is inside a function.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import sys
import time
import traceback
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import dagster as dg

    from pipelines.project import Project

PACKAGES = ("assets", "models", "expectations", "pipelines")
LEADERBOARD = "evaluation/leaderboard"
EVIDENCE = "gate/evidence_"


@dataclass(frozen=True)
class Ground:
    """Where a trial takes place.

    source       copy of the project
    home         folder of runs and data, one level above that of the market
    market       specification of the synthetic market, YAML
    experiments  folder of the experiments
    """

    source: Path
    home: Path
    market: Path
    experiments: Path


@dataclass(frozen=True)
class Found:
    """How a trial ended.

    leaderboard  whether one was written
    stopped_by   `stage: evidence` of each failed line of a verdict that training or report asks for, the first first
    first_line   the first line of evidence
    broken       what failed beside the gate's own refusals
    prefix       the first column that prefix recompute would have found, None where none
    seconds      by part of the trial
    """

    leaderboard: bool = False
    stopped_by: tuple[str, ...] = ()
    first_line: str = ""
    broken: str = ""
    prefix: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def is_caught(self) -> bool:
        """A check that blocks failed, and no leaderboard was written."""
        return bool(self.stopped_by) and not self.leaderboard

    @property
    def is_clean(self) -> bool:
        """All went through."""
        return self.leaderboard and not self.stopped_by and not self.broken


def prepare(ground: Ground) -> None:
    """Make the honest market: every table by month, the deliveries, and an empty tracking store."""
    _step_into(ground)
    from benchmarks.leak_zoo.quick import keep_stamps
    from pipelines.catch_up import run

    project, instance = _project()
    with instance:
        months = [key for key, scheme in project.schemes.items() if scheme == "months"]
        asks = [
            ("refresh", tuple(project.graph.month_keys), tuple(months)),
            ("verdict", (None,), ("raw/deliveries",)),
        ]
        for ask in asks:
            if failures := run(project, instance, ask).failures:
                raise RuntimeError(f"the honest market could not be made: {failures}")
        keep_stamps(project, instance, ground.home)
    project.tracking.client.search_experiments()


def attempt(ground: Ground, log: Path, prefix: int, whole: bool) -> Found:
    """Bring everything up to date and tell how it ended.

    log     what the run printed
    prefix  decisions at which prefix recompute is tried, 0 for none
    whole   whether Dagster runs it all, as in a demo, or `quick`
    """
    began = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()) as failures:
        try:
            return _attempt(ground, prefix, whole, began, failures)
        except Exception as error:
            traceback.print_exc()
            return Found(broken=f"{type(error).__name__}: {error}", seconds={"all": time.monotonic() - began})
        finally:
            out.write(failures.getvalue())


def _attempt(ground: Ground, prefix: int, whole: bool, began: float, failures: io.StringIO) -> Found:
    _step_into(ground)
    from benchmarks.leak_zoo import quick
    from pipelines.catch_up import bring_up_to_date

    steps = quick.record()
    try:
        project, instance = _project()
    except ValueError as refused:
        return Found(stopped_by=("load: refused",), first_line=str(refused), seconds={"all": time.monotonic() - began})
    loaded = time.monotonic()
    with instance:
        if whole:
            bring_up_to_date(project, instance)
        else:
            quick.bring_up_to_date(project, steps, ground.home, LEADERBOARD)
        caught_up = time.monotonic()
        stopped_by, first_line = _stopped(project)
    seen = _prefix(project, prefix) if prefix else None
    written = None in project.graph.warehouse.stored(LEADERBOARD)
    broken = (
        ""
        if written or stopped_by
        else (failures.getvalue().strip() or "no leaderboard was written, and nothing says why")
    )
    seconds = {
        "load": loaded - began,
        "catch up": caught_up - loaded,
        "prefix": time.monotonic() - caught_up,
        "all": time.monotonic() - began,
        "processor": time.process_time(),
    }
    return Found(written, stopped_by, first_line, broken, seen, seconds)


def _step_into(ground: Ground) -> None:
    """Let every import of the project come from the copy, and every file of the run lie in its home."""
    if known := sorted(name for name in sys.modules if name.split(".")[0] in PACKAGES):
        raise RuntimeError(f"{known[:3]} were imported before the copy of the source was in place")
    os.environ.update(
        KINDLING_MARKET=f"synthetic_market:{ground.market}",
        KINDLING_HOME=str(ground.home),
        KINDLING_EXPERIMENTS=str(ground.experiments),
        DAGSTER_DISABLE_TELEMETRY="1",
        PYTHONDONTWRITEBYTECODE="1",
    )
    for name in ("KINDLING_WAREHOUSE", "KINDLING_ENCODER", "KINDLING_TRIALS", "MLFLOW_TRACKING_URI"):
        os.environ.pop(name, None)
    sys.dont_write_bytecode = True
    sys.path[:] = [str(ground.source), *(place for place in sys.path if place not in ("", os.getcwd()))]
    os.chdir(ground.source)
    importlib.invalidate_caches()


def _project() -> tuple[Project, dg.DagsterInstance]:
    import dagster as dg

    from pipelines.home import be_quiet, prepare_home
    from pipelines.project import load_project
    from pipelines.run_log import quicken
    from pipelines.settings import read_settings

    be_quiet()
    quicken()
    settings = read_settings()
    prepare_home(settings)
    return load_project(settings), dg.DagsterInstance.get()


def _stopped(project: Project) -> tuple[tuple[str, ...], str]:
    """`stage: evidence` of what failed in the verdicts that something asks for, and the first failed line."""
    found: list[str] = []
    lines: list[str] = []
    for gate in _asked_for(project):
        if None not in project.graph.warehouse.stored(gate):
            continue
        row = project.graph.warehouse.read(gate).collect().row(0, named=True)
        if not row["passed"]:
            lines += str(row["failures"]).splitlines()
            found += [f"{row['stage']}: {line.split(':', maxsplit=1)[0]}" for line in str(row["failures"]).splitlines()]
    return tuple(dict.fromkeys(found)), lines[0] if lines else ""


def _asked_for(project: Project) -> list[str]:
    """Keys of the verdicts without which nothing is trained or reported."""
    edges = [
        edge.upstream
        for walk in project.walks.values()
        for key in (f"{walk.key}/forecasts", f"{walk.key}/report", LEADERBOARD)
        for edge in project.graph.lineage.nodes[key].edges
    ]
    return [key for key in dict.fromkeys(edges) if key.startswith("gate/") and not key.startswith(EVIDENCE)]


def _prefix(project: Project, decisions: int) -> str | None:
    from benchmarks.leak_zoo.prefix import prefix_recompute

    return prefix_recompute(project, decisions)
