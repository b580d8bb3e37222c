"""Evidence: what a check found, as an asset of the gate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import dataframely as dy
import polars as pl

from expectations.tables import Table, instant
from pipelines.graph import Graph
from pipelines.reach import Reach

EVIDENCE = "gate/evidence_"

Read = tuple[str, Reach, bool]


def add_evidence(
    graph: Graph,
    name: str,
    columns: pl.Schema,
    make: Callable[..., pl.DataFrame],
    inputs: Mapping[str, Read],
    modules: Sequence[str],
    settings: str = "",
) -> None:
    """Add the evidence of one check.

    columns   names and types of the table
    make      function of the collected or lazy inputs by name that returns it; its docstring is read in the catalogue
    modules   project modules whose code decides the result
    settings  what else decides it, as text
    """
    key = f"{EVIDENCE}{name}"
    schema = evidence_table(key, columns)
    graph.add(
        schema,
        lambda context, **frames: make(**frames),
        description=f"{schema.__doc__}\n\n{make.__doc__ or ''}",
        modules=modules,
        inputs=inputs,
        settings=settings,
    )


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
