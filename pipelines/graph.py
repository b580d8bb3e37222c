"""Graph: declared tables become Dagster assets, and their lineage with them."""

import functools
import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from assets.folds.walk_forward import Fold, WalkForwardSpec, begun, folds
from assets.table import Declaration
from expectations.tables import Table
from pipelines.code_version import code_version
from pipelines.lineage import Edge, Lineage, Node, Origin, Versions
from pipelines.reach import Months, Reach, month_keys, month_number, months_before
from pipelines.slabs import slabs
from pipelines.staleness import Stale
from pipelines.warehouse import WHOLE, Stored, Warehouse, content_hash, digest_of


@dataclass(frozen=True)
class Label:
    """What the UI shows of every asset of a group: tags to filter by, and owners (addresses, or `team:name`)."""

    tags: Mapping[str, str] = field(default_factory=dict)
    owners: tuple[str, ...] = ()


@dataclass
class Graph:
    """Assets assembled so far, with what every one of them shares.

    first, last   declared span of the source; the months between them are the partitions
    schemes       partition scheme of each asset, None where it has none
    reached       last date that the bars of a source that goes on have come to; None for one that is over
    by_hand       keys of assets that are made only when somebody asks for them
    labels        tags and owners of a group's assets
    """

    warehouse: Warehouse
    first: date
    last: date
    schemas: dict[str, type[Table]]
    reached: date | None = None
    lineage: Lineage = field(default_factory=Lineage)
    assets: list[dg.AssetsDefinition] = field(default_factory=list)
    schemes: dict[str, str | None] = field(default_factory=dict)
    by_hand: set[str] = field(default_factory=set)
    labels: dict[str, Label] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.condition = Stale(self.lineage, self.versions)

    @functools.cached_property
    def months(self) -> dg.TimeWindowPartitionsDefinition:
        """One partition per calendar month of the source's span."""
        end = self.last.year * 12 + self.last.month
        return dg.TimeWindowPartitionsDefinition(
            cron_schedule="0 0 1 * *",
            fmt="%Y-%m",
            start=f"{self.first:%Y-%m}",
            end=f"{end // 12:04d}-{end % 12 + 1:02d}",
        )

    @functools.cached_property
    def month_keys(self) -> tuple[str | None, ...]:
        """Keys of the months, known without asking Dagster."""
        return tuple(month_keys(self.first, self.last))

    def windows(self, spec: WalkForwardSpec) -> tuple[Fold, ...]:
        """The folds of a walk-forward that there are by now; raises ValueError where there is none."""
        if self.reached is None:
            return folds(spec, self.first, self.last)
        return begun(spec, self.first, self.reached)

    def versions(self, instance: dg.DagsterInstance) -> Versions:
        """What lies in store and what is stale, as of now."""
        return Versions(self.lineage, instance, self.warehouse.stored)

    def add_months(
        self,
        schema: type[Table],
        make: Any,
        *,
        description: str,
        modules: Sequence[str],
        inputs: Mapping[str, tuple[str, Reach]],
        origin: Origin | None = None,
        settings: str = "",
    ) -> None:
        """Add a table partitioned by month; `make(context, first, end, **frames)` returns its frame."""
        self.add(
            schema,
            lambda context, **frames: make(context, *_span(context.partition_keys), **frames),
            description=description,
            modules=modules,
            inputs={name: (key, reach, True) for name, (key, reach) in inputs.items()},
            partitions=self.months,
            keys=self.month_keys,
            scheme="months",
            origin=origin,
            settings=settings,
        )

    def add_table(self, declaration: Declaration) -> None:
        """Add a declared frame function."""

        def make(context: dg.AssetExecutionContext, first: date, end: date, **frames: pl.LazyFrame) -> Stored:
            keys = list(context.partition_keys)
            rows = max(frame.select(pl.len()).collect().item() for frame in frames.values())
            stored: Stored = {}
            by_rule: Counter[str] = Counter()
            for piece in slabs(keys, rows, len(declaration.schema.column_names())):
                made = self.make_months(declaration, piece)
                if "rule" in made.columns:
                    by_rule.update(dict(made["rule"].value_counts().iter_rows()))
                stored |= self.warehouse.store(declaration.key, made, piece, self.months)
            if by_rule:
                context.add_output_metadata({f"rows of rule {rule}": by_rule[rule] for rule in sorted(by_rule)})
            return stored

        self.add_months(
            declaration.schema,
            make,
            description=declaration.function.__doc__ or declaration.schema.__doc__ or "",
            modules=[declaration.function.__module__],
            inputs=_inputs(declaration),
            settings=declaration.settings,
        )

    def make_months(self, declaration: Declaration, months: Sequence[str]) -> pl.DataFrame:
        """The rows of some neighbouring months, made from the stored partitions that these months read."""
        first, end = _span(months)
        read = self.read_of(declaration.key, months)
        frames = {name: read[upstream] for name, (upstream, _) in _inputs(declaration).items()}
        whole = declaration.function(**frames).collect()
        dated = pl.col(declaration.schema.dated_by)
        inside = dated < end if first <= self.first else dated.is_between(first, end, closed="left")
        return declaration.schema.validate(whole.filter(inside.fill_null(True)), cast=True)

    def read_of(self, key: str, partitions: Sequence[str | None]) -> dict[str, pl.LazyFrame]:
        """What some partitions of an asset read, by the key of what is read, as it lies in store."""
        return {
            edge.upstream: self.warehouse.read(edge.upstream, self._parts(edge, partitions))
            for edge in self.lineage.nodes[key].edges
        }

    def _parts(self, edge: Edge, partitions: Sequence[str | None]) -> list[str]:
        """The partitions of an upstream asset that any of the given ones reads."""
        known = self.lineage.nodes[edge.upstream].partitions
        read = {part for partition in partitions for part in edge.reach.upstream(partition, known)}
        return [part or WHOLE for part in known if part in read]

    def add(
        self,
        schema: type[Table],
        make: Any,
        *,
        description: str,
        modules: Sequence[str],
        inputs: Mapping[str, tuple[str, Reach, bool]],
        key: str | None = None,
        partitions: dg.PartitionsDefinition[str] | None = None,
        keys: tuple[str | None, ...] = (None,),
        scheme: str | None = None,
        origin: Origin | None = None,
        settings: str = "",
        checks: Sequence[dg.AssetCheckSpec] = (),
        group: str | None = None,
        by_hand: bool = False,
        kinds: Collection[str] = ("polars",),
        as_stored: bool = False,
    ) -> None:
        """Add any asset: declaration for Dagster, node for the lineage, stamp on each materialisation.

        make      function of (context, **inputs) that returns a frame or what it has stored, or yields check results
                  and then a frame
        inputs    argument -> (upstream key, reach, whether its content counts or only the order)
        settings  text that is part of the code version (a spec)
        by_hand   made only when somebody asks for it, whatever became stale
        kinds     what it is made with, shown as icons
        as_stored  it is handed no inputs, and reads of them what is in store, whatever is missing
        """
        key = key or schema.asset_key
        version = f"{code_version(*modules)}{settings and '.' + _short(settings)}"
        self.schemas[key] = schema
        self.schemes[key] = scheme
        self.lineage.add(
            Node(key, version, keys, tuple(Edge(up, reach, counts) for up, reach, counts in inputs.values()), origin)
        )
        if by_hand:
            self.by_hand.add(key)
        condition = None if by_hand else self.condition
        group = group or key.split("/", maxsplit=1)[0]
        self.assets.append(
            self._definition(
                key, schema, make, version, description, inputs, partitions, checks, group, condition, kinds, as_stored
            )
        )

    def _definition(
        self,
        key: str,
        schema: type[Table],
        make: Any,
        version: str,
        description: str,
        inputs: Mapping[str, tuple[str, Reach, bool]],
        partitions: dg.PartitionsDefinition[str] | None,
        checks: Sequence[dg.AssetCheckSpec],
        group: str,
        condition: Stale | None,
        kinds: Collection[str],
        as_stored: bool,
    ) -> dg.AssetsDefinition:
        graph, label = self, self.labels.get(group, Label())
        handed = {} if as_stored else inputs
        known = [
            dg.AssetDep(upstream.split("/"), partition_mapping=reach.mapping())
            for upstream, reach, _ in (inputs.values() if as_stored else ())
        ]

        @dg.asset(
            key=key.split("/"),
            ins={
                name: dg.AssetIn(upstream.split("/"), partition_mapping=reach.mapping())
                for name, (upstream, reach, _) in handed.items()
            },
            deps=known,
            partitions_def=partitions,
            backfill_policy=dg.BackfillPolicy.single_run() if partitions is self.months else None,
            code_version=version,
            description=description,
            group_name=group,
            kinds=set(kinds),
            tags=label.tags,
            owners=label.owners,
            automation_condition=condition,
            check_specs=list(checks),
            metadata={"dagster/column_schema": _columns(schema)},
            io_manager_key="io_manager",
        )
        def compute(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> Iterator[Any]:
            versions = graph.versions(context.instance)
            parts: list[str | None] = [None] if partitions is None else list(context.partition_keys)
            made_from = {part: str(versions.made_from(key, part)) for part in parts}
            result = make(context, **frames)
            made = result if isinstance(result, pl.DataFrame | dict) else (yield from result)
            for part, digest in made_from.items():
                context.add_asset_metadata({"made_from": digest}, asset_key=context.asset_key, partition_key=part)
            if isinstance(made, dict):
                yield dg.Output(made, data_version=dg.DataVersion(digest_of(made)))
                return
            checked = schema.validate(made, cast=True) if schema.column_names() else made
            yield dg.Output(checked, data_version=dg.DataVersion(content_hash(checked)))

        return compute


def _short(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()


def _inputs(declaration: Declaration) -> dict[str, tuple[str, Reach]]:
    """Argument -> asset that it reads, and how far."""
    return {
        name: (
            upstream.asset_key,
            Months(months_before(declaration.look_back.get(name, 0)), name in declaration.sees_later),
        )
        for name, upstream in declaration.inputs.items()
    }


def _span(keys: Sequence[str]) -> tuple[date, date]:
    """First day of the first month and first day after the last one."""
    end = max(month_number(key) for key in keys) + 1
    start = min(month_number(key) for key in keys)
    return date(start // 12, start % 12 + 1, 1), date(end // 12, end % 12 + 1, 1)


def _columns(schema: type[Table]) -> dg.TableSchema:
    columns = []
    for name, column in schema.columns().items():
        notes = column.metadata or {}
        text = notes.get("definition", "") + (f" [{notes['unit']}]" if "unit" in notes else "")
        columns.append(dg.TableColumn(name=name, type=str(column.dtype), description=text or None))
    return dg.TableSchema(columns=columns)
