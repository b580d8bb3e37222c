"""Data Docs: the pages of Great Expectations over every stage's verdict, as an asset of the gate."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from expectations.suites.data_docs import INDEX, Judged, build_data_docs
from expectations.tables import DataDocs
from pipelines.graph import Graph
from pipelines.inputs import argument, whole_by_key


def add_data_docs(graph: Graph, gates: Sequence[str], folder: Path) -> None:
    """Add the asset that builds the pages of the given verdicts in a folder."""

    def make(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> pl.DataFrame:
        verdicts = {gate: frames[argument(gate)].collect().row(0, named=True) for gate in gates}
        stages = {
            verdict["stage"]: Judged(verdict["results"], verdict["evidence_hash"], _judged_at(context.instance, gate))
            for gate, verdict in verdicts.items()
        }
        build_data_docs(stages, folder)
        found = pl.DataFrame(list(_tables(verdicts)), schema=DataDocs.column_names(), orient="row")
        failed = found.filter(pl.col("failed") > 0)
        context.add_output_metadata(
            {
                **links(folder),
                "expectations": int(found["expectations"].sum()),
                "failed": ", ".join(f"{stage}.{table}" for stage, table in failed.select("stage", "table").rows())
                or "none",
            }
        )
        return found

    graph.add(
        DataDocs,
        make,
        description=f"{DataDocs.__doc__}\n\nThe pages need no network; their index is in the metadata.",
        modules=("expectations.suites.data_docs",),
        inputs=whole_by_key(gates),
    )


def links(folder: Path) -> dict[str, Any]:
    """Where the index is, as metadata: to click where the browser may open files, to copy where it may not."""
    return {
        "data_docs": dg.MetadataValue.url((folder / INDEX).absolute().as_uri()),
        "data_docs_path": dg.MetadataValue.path(str((folder / INDEX).absolute())),
    }


def _tables(verdicts: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[object, ...]]:
    """One row per evidence table: stage, table, how many expectations, how many of them failed, evidence hash."""
    for verdict in verdicts.values():
        for table, found in sorted(json.loads(verdict["results"]).items()):
            failed = found["statistics"]["unsuccessful_expectations"]
            yield verdict["stage"], table, len(found["results"]), failed, verdict["evidence_hash"]


def _judged_at(instance: dg.DagsterInstance, gate: str) -> datetime:
    """When the verdict was given; its table holds no time, so that equal evidence is an equal table."""
    event = instance.get_latest_materialization_event(dg.AssetKey(gate.split("/")))
    return datetime.fromtimestamp(event.timestamp, UTC) if event else datetime.now(UTC)
