"""Evidence: what a check found, as an asset of the gate."""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from expectations.tables import Table, instant
from pipelines.graph import Graph
from pipelines.inputs import Read

EVIDENCE = "gate/evidence_"


def add_evidence(
    graph: Graph,
    name: str,
    columns: pl.Schema,
    make: Callable[..., pl.DataFrame],
    inputs: Mapping[str, Read],
    modules: Sequence[str],
    settings: str = "",
    draw: Callable[..., Mapping[str, bytes]] | None = None,
) -> None:
    """Add the evidence of one check.

    columns   names and types of the table
    make      function of the collected or lazy inputs by name that returns it; its docstring is read in the catalogue
    modules   project modules whose code decides the result
    settings  what else decides it, as text
    draw      function of the table and of the inputs by name that returns pictures (PNG) by name, shown beside it
    """
    key = f"{EVIDENCE}{name}"
    schema = evidence_table(key, columns)

    def made(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> pl.DataFrame:
        found = make(**frames)
        if draw is not None:
            context.add_output_metadata({name: shown(png, name) for name, png in draw(found, **frames).items()})
        return found

    graph.add(
        schema,
        made,
        description=f"{schema.__doc__}\n\n{make.__doc__ or ''}",
        modules=modules,
        inputs=inputs,
        settings=settings,
    )


def shown(png: bytes, caption: str) -> dg.MarkdownMetadataValue:
    """A picture within the metadata itself, so that it is seen wherever the event log is."""
    return dg.MetadataValue.md(f"![{caption}](data:image/png;base64,{base64.b64encode(png).decode()})")


def evidence_table(key: str, schema: pl.Schema) -> type[Table]:
    """A table of the warehouse for evidence with these columns."""
    kinds: dict[object, Callable[..., Any]] = {
        pl.String: dy.String,
        pl.Int64: dy.Int64,
        pl.Float64: partial(dy.Float64, allow_inf=True, allow_nan=True),
        pl.Boolean: dy.Bool,
        pl.Date: dy.Date,
    }
    columns = {
        name: instant(name, nullable=True) if dtype == pl.Datetime else kinds[dtype.base_type()](nullable=True)
        for name, dtype in schema.items()
    }
    return type("Evidence", (Table,), {"asset_key": key, "__doc__": "Evidence on which the gate judges.", **columns})
