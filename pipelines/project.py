"""Project: everything of one market put together; the tables, the gate, the experiments, the jobs."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial

import dagster as dg
import polars as pl

from assets.evaluation.promotion import Promotions, in_words
from assets.sources import Source
from expectations.facts import RAW_FACTS
from expectations.tables import Deliveries, RawBars, Table
from pipelines.catalogue import build_catalogue
from pipelines.catch_up_job import catch_up_job, catch_up_sensor
from pipelines.cleaning_report import add_cleaning_report
from pipelines.declared import declared
from pipelines.experiment_assets import Walk, add_experiment, add_refused
from pipelines.experiment_files import read_experiments
from pipelines.gate import add_alarms, add_gates
from pipelines.graph import Graph
from pipelines.issued import Issued
from pipelines.jobs import make_jobs
from pipelines.notices import failure_notice
from pipelines.openings import with_openings
from pipelines.promotions import add_promotions
from pipelines.reach import month_start
from pipelines.report_assets import add_leaderboard, add_verdict
from pipelines.retries import again_later
from pipelines.schedules import after_close_schedule
from pipelines.sensors import new_bars_sensor, stale_sensor
from pipelines.serving import add_serving
from pipelines.settings import Settings
from pipelines.suitability import objections
from pipelines.tracking import Tracking
from pipelines.trial_ledger import TrialLedger
from pipelines.truth import add_truth
from pipelines.warehouse import Warehouse
from pipelines.watch import add_watch


@dataclass(frozen=True)
class Project:
    """One market's graph, experiments and Dagster definitions."""

    settings: Settings
    graph: Graph
    walks: Mapping[str, Walk]
    tracking: Tracking
    definitions: dg.Definitions

    @property
    def schemes(self) -> dict[str, str | None]:
        """Partition scheme of each asset: months, the name of a walk-forward scheme, or None."""
        return self.graph.schemes

    def build_catalogue(self) -> None:
        """Rebuild the DuckDB catalogue, where the warehouse is a local folder."""
        if "://" not in self.settings.warehouse:
            build_catalogue(self.settings.warehouse, self.graph.schemas)

    def closing_words(self) -> str:
        """The leaderboard as text, and where to look further."""
        board = self.graph.warehouse.read("evaluation/leaderboard").collect()
        shown = [
            "experiment",
            "folds",
            "valid_rank_ic",
            "test_rank_ic",
            "test_rank_ic_lower",
            "test_rank_ic_upper",
            "excess_return_annual",
        ]
        with pl.Config(tbl_rows=50, tbl_cols=20, tbl_width_chars=160, float_precision=4, tbl_hide_dataframe_shape=True):
            table = str(board.select(shown))
        seats = self.graph.warehouse.read(Promotions.asset_key).collect()
        places = f"reports: {self.settings.home / 'reports'}\ncatalogue: {self.settings.warehouse}/catalogue.duckdb"
        return "\n".join([table, *in_words(seats), places])


def load_project(settings: Settings) -> Project:
    """Assemble the project of a market; raises ValueError for a source, or where no experiment can be."""
    settings = replace(settings, source=with_openings(settings.source, settings.ledgers))
    schemas: dict[str, type[Table]] = {}
    warehouse = Warehouse(settings.warehouse, schemas)
    source = settings.source
    graph = Graph(warehouse, source.first_session(), source.last_session(), schemas, source.reached())
    tracking = Tracking(settings.tracking_uri, settings.artifacts)
    again = partial(declared, settings.encoder)
    tables = again()
    features = {key.split("/")[1]: table for key, table in tables.items() if table.stage == "features"}
    found = read_experiments(settings.experiments)
    asked = found.without(lambda experiment: objections(experiment, tables, graph.windows))
    if asked.refused and not asked.experiments:
        raise ValueError("\n".join(asked.refused.values()))
    experiments = asked.experiments
    add_source(graph, settings.source)
    add_truth(graph, settings.source)
    for table in tables.values():
        graph.add_table(table)
    gates = add_gates(graph, tables, again, experiments, settings.data_docs)
    walks: dict[str, Walk] = {}
    for name, experiment in experiments.items():
        own = {group: features[group] for group in experiment.features}
        walks[name] = add_experiment(
            graph,
            experiment,
            own,
            gates,
            tracking,
            settings.source,
            settings.home / "checkpoints",
            TrialLedger(settings.ledgers),
        )
        add_verdict(walks[name], gates, settings.home / "reports", settings.data_docs)
    for name, why in asked.refused.items():
        add_refused(graph, name, why)
    add_alarms(graph, tables, experiments)
    _add_champions(graph, walks, settings)
    add_cleaning_report(graph, experiments, settings.home / "reports")
    definitions = dg.Definitions(
        assets=graph.assets,
        jobs=[*make_jobs(graph.schemes, graph.by_hand), catch_up_job(lambda: project)],
        schedules=[after_close_schedule(graph)],
        sensors=[
            new_bars_sensor(settings.source, graph),
            catch_up_sensor(graph),
            stale_sensor(),
            failure_notice(settings.webhook),
        ],
        resources={"io_manager": warehouse},
        executor=dg.in_process_executor,
    )
    project = Project(settings, graph, walks, tracking, definitions)
    return project


def _add_champions(graph: Graph, walks: Mapping[str, Walk], settings: Settings) -> None:
    """Add who is the best, and what comes of it: the leaderboard, the seats, the lists, and whether it lasts."""
    pages = settings.home / "reports"
    add_leaderboard(graph, walks, pages)
    add_promotions(graph, walks)
    add_serving(graph, walks, Issued(settings.home / "lists"))
    add_watch(graph, walks, pages)


def add_source(graph: Graph, source: Source) -> None:
    """Add every raw table by month, and raw/deliveries: what the source brought and what of it could not be read.

    A table that the source does not offer stands in the graph without rows, so that what reads it needs no second form.
    """
    raw_tables: tuple[type[Table], ...] = (RawBars, *RAW_FACTS)
    for table in raw_tables:
        _add_raw(graph, source, table)
    offered = source.offers()
    graph.add(
        Deliveries,
        lambda context: source.deliveries(),
        description=Deliveries.__doc__ or "",
        modules=[type(source).__module__],
        inputs={},
        origin=lambda keys: {None: content_of(source, offered, graph.month_keys)},
    )


def content_of(source: Source, tables: Sequence[type[Table]], keys: Sequence[str | None]) -> str:
    """Digest of all that a source holds of the given tables in the given months."""
    months = [month_start(str(key)) for key in keys]
    found = [f"{table.asset_key} {source.digests(table, months)}" for table in tables]
    return hashlib.blake2b("|".join(found).encode(), digest_size=16).hexdigest()


def _add_raw(graph: Graph, source: Source, table: type[Table]) -> None:
    offered = table in source.offers()

    def origin(keys: Sequence[str | None]) -> dict[str | None, str]:
        months = [month_start(str(key)) for key in keys]
        found = source.digests(table, months) if offered else {}
        return {key: found.get(month, "none") for key, month in zip(keys, months, strict=True)}

    def read(context: dg.AssetExecutionContext, first: date, end: date) -> pl.DataFrame:
        with again_later(context):
            frame = source.read(table, first, end - timedelta(days=1)) if offered else table.create_empty()
        context.log.info(f"read {frame.height} rows of {table.asset_key} from {first} to {end}")
        return frame

    module = type(source).__module__
    graph.add_months(table, read, description=table.__doc__ or "", modules=[module], inputs={}, origin=origin)
