"""Feature river: the part of the asset graph that ends in features, in a folder of its own, as Dagster runs it."""

from __future__ import annotations

import contextlib
import io
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import dagster as dg
import numpy as np
import polars as pl

from assets.sources import Source
from assets.table import Declaration, declarations
from expectations.tables import Bars, Calendar, Table
from pipelines.catch_up import bring_up_to_date
from pipelines.declared import STAGES, in_order, modules_of
from pipelines.graph import Graph
from pipelines.jobs import make_jobs
from pipelines.project import add_source
from pipelines.warehouse import Warehouse

STAGE = "features"
KEYS = ["session", "security_id"]
OTHER = "_other"


@dataclass(frozen=True)
class Made:
    """What one catching up did.

    seconds   of the steps: reading, computing, checking, hashing and storing
    overhead  seconds that Dagster took besides, to find out what is stale and to keep its log
    busy      processor seconds of both
    steps     table -> seconds
    months    table -> months that were made
    """

    seconds: float
    overhead: float
    busy: float
    steps: Mapping[str, float]
    months: Mapping[str, int]


@dataclass
class River:
    """Raw tables, what cleans them, and every feature group; `root` holds the warehouse and Dagster's runs."""

    root: Path
    source: Source
    tables: Mapping[str, Declaration]
    graph: Graph = field(init=False)
    definitions: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        schemas: dict[str, type[Table]] = {}
        warehouse = Warehouse(str(self.root / "warehouse"), schemas)
        self.graph = Graph(warehouse, self.source.first_session(), self.source.last_session(), schemas)
        add_source(self.graph, self.source)
        for table in self.tables.values():
            self.graph.add_table(table)
        self.definitions = _definitions(self.graph)

    @property
    def schemes(self) -> dict[str, str | None]:
        """Partition scheme of each asset."""
        return self.graph.schemes

    @property
    def groups(self) -> list[str]:
        """Keys of the feature groups."""
        return [key for key, table in self.tables.items() if table.stage == STAGE]

    def flow(self) -> Made:
        """Bring everything up to date, as the automation condition asks; raises RuntimeError where a run failed."""
        began, busy = time.monotonic(), time.process_time()
        said = io.StringIO()
        with self._instance() as instance:
            before = {run.run_id for run in instance.get_runs()}
            with contextlib.redirect_stdout(said):
                _, failed = bring_up_to_date(self, instance)
            wall, busy = time.monotonic() - began, time.process_time() - busy
            if failed:
                raise RuntimeError(f"{failed} runs failed:\n{said.getvalue()}")
            runs = [run.run_id for run in instance.get_runs() if run.run_id not in before]
            steps, months = _log(instance, runs)
        return Made(sum(steps.values()), wall - sum(steps.values()), busy, steps, months)

    def after(self, source: Source, root: Path) -> River:
        """A copy of this river in another folder, to which a source has delivered; nothing is made yet."""
        shutil.copytree(self.root, root)
        return replace(self, source=source, root=root)

    @contextlib.contextmanager
    def _instance(self) -> Iterator[dg.DagsterInstance]:
        runs = self.root / "dagster"
        runs.mkdir(parents=True, exist_ok=True)
        with dg.DagsterInstance.local_temp(str(runs)) as instance:
            yield instance


@dataclass
class RangeRiver:
    """One feature group over bars and calendar that already lie in the warehouse by month, `root` its folder."""

    root: Path
    first: date
    last: date
    key: str
    graph: Graph = field(init=False)
    definitions: dg.Definitions = field(init=False)

    def __post_init__(self) -> None:
        schemas: dict[str, type[Table]] = {}
        warehouse = Warehouse(str(self.root), schemas)
        self.graph = Graph(warehouse, self.first, self.last, schemas)
        for schema in (Bars, Calendar):
            self.graph.add_months(schema, _there_already, description="", modules=["expectations.tables"], inputs={})
        self.graph.add_table(self._table)
        self.definitions = _definitions(self.graph)

    @property
    def schemes(self) -> dict[str, str | None]:
        """Partition scheme of each asset."""
        return self.graph.schemes

    @property
    def _table(self) -> Declaration:
        return declarations(*modules_of(STAGES))[self.key]

    def alone(self, month: str) -> pl.DataFrame:
        """One month of the group, from no more than the months that it reads; nothing is stored."""
        return self.graph.make_months(self._table, [month])


def _there_already(context: dg.AssetExecutionContext, first: date, end: date) -> pl.DataFrame:
    raise LookupError("the months of this table lie in the warehouse and are not made")


def _definitions(graph: Graph) -> dg.Definitions:
    return dg.Definitions(
        assets=graph.assets,
        jobs=make_jobs(graph.schemes),
        resources={"io_manager": graph.warehouse},
        executor=dg.in_process_executor,
    )


def feature_tables(change: Callable[[Declaration], Declaration] = lambda table: table) -> dict[str, Declaration]:
    """Every declared feature group and all that these read, in order; `change` may alter the groups' declarations."""
    every = in_order(declarations(*modules_of(STAGES)))
    needed = closure((key for key, table in every.items() if table.stage == STAGE), every)
    return {key: change(every[key]) if every[key].stage == STAGE else every[key] for key in every if key in needed}


def closure(keys: Iterable[str], tables: Mapping[str, Declaration]) -> set[str]:
    """The tables of the given keys and all declared tables that these read, directly or not."""
    found: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in tables and key not in found:
            found.add(key)
            waiting += [schema.asset_key for schema in tables[key].inputs.values()]
    return found


def cells_apart(one: pl.DataFrame, other: pl.DataFrame) -> int:
    """Cells of two tables that differ to the bit; all cells of a row that only one of them has.

    raises  ValueError for tables with other columns
    """
    if one.schema != other.schema:
        raise ValueError(f"the tables have other columns: {one.schema} and {other.schema}")
    both = one.join(other, on=KEYS, how="inner", suffix=OTHER)
    alone = one.height + other.height - 2 * both.height
    values = [name for name in one.columns if name not in KEYS]
    return sum(_differing(both[name], both[name + OTHER]) for name in values) + alone * len(one.columns)


def _differing(one: pl.Series, other: pl.Series) -> int:
    """Places in which two columns differ; numbers are compared by their bits, so that 0 and -0 are two."""
    if not one.dtype.is_float():
        return int(one.ne_missing(other).sum())
    bits = np.dtype(f"u{4 if one.dtype == pl.Float32 else 8}")
    left, right = (column.fill_null(0.0).to_numpy().view(bits) for column in (one, other))
    return int(((left != right) | (one.is_null() != other.is_null()).to_numpy()).sum())


def apart(one: River, other: River) -> dict[str, int]:
    """Group -> cells in which the stored features of two rivers differ to the bit, over all months."""
    found = dict.fromkeys(one.groups, 0)
    for key in one.groups:
        for month in one.graph.month_keys:
            left, right = (river.graph.warehouse.read(key, [str(month)]).collect() for river in (one, other))
            found[key] += cells_apart(left, right)
    return found


def _log(instance: dg.DagsterInstance, runs: Iterable[str]) -> tuple[dict[str, float], dict[str, int]]:
    """Seconds of each step, and partitions that it made, by the logs of some runs."""
    seconds: dict[str, float] = {}
    made: dict[str, int] = {}
    for run in runs:
        for record in instance.all_logs(run):
            event = record.dagster_event
            if event is None:
                continue
            if event.event_type == dg.DagsterEventType.STEP_SUCCESS:
                key = str(event.step_key).replace("__", "/")
                seconds[key] = seconds.get(key, 0.0) + event.step_success_data.duration_ms / 1000
            if event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION and event.asset_key is not None:
                key = event.asset_key.to_user_string()
                made[key] = made.get(key, 0) + 1
    return seconds, made
