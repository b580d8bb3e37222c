"""Catalogue: a DuckDB file with one view per asset over the warehouse's Parquet, for any tool that speaks SQL.

It is never opened for writing in place: a new one is built beside it and renamed in. The views find the files by the
catalogue's own place, so a moved or mounted warehouse still answers, from any working directory.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from pathlib import Path

import duckdb
import polars as pl
from upath import UPath

from expectations.tables import Table
from pipelines.warehouse import EMPTY, store_frame

FILE = "catalogue.duckdb"


def view_name(key: str) -> tuple[str, str]:
    """Schema and view of an asset: `features/alpha` is features.alpha, `experiments/x/report` experiments.x__report."""
    stage, *rest = key.split("/")
    return stage, "__".join(rest)


def build_catalogue(root: str, schemas: Mapping[str, type[Table]]) -> Path:
    """Build the catalogue of a warehouse folder and swap it in; returns its path.

    Each asset gets a 0-row file of its schema, so that a view over an asset without data answers with no rows.
    raises  ValueError where the warehouse is no local folder: DuckDB files cannot be renamed on an object store
    """
    place = UPath(root)
    if place.protocol not in ("", "file"):
        raise ValueError(f"the catalogue needs a local folder beside which it can be renamed; found {root}")
    folder = Path(place.path).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    aside = folder / f".{FILE}.{uuid.uuid4().hex}"
    try:
        with duckdb.connect(str(aside)) as connection:
            for key, schema in sorted(schemas.items()):
                empty = UPath(folder).joinpath(*key.split("/"), f"{EMPTY}.parquet")
                store_frame(empty, schema.create_empty())
                _create_view(connection, folder, key, schema)
        os.replace(aside, folder / FILE)
    finally:
        aside.unlink(missing_ok=True)
    return folder / FILE


def open_catalogue(root: str) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the catalogue of a warehouse."""
    return duckdb.connect(str(Path(UPath(root).path) / FILE), read_only=True)


def _create_view(connection: duckdb.DuckDBPyConnection, folder: Path, key: str, schema: type[Table]) -> None:
    # An opened database keeps its spill folder beside itself under its own name: the one place where SQL can read
    # where the file lies. Attached under another database it cannot, and the folder of the build is used.
    here = "current_setting('temp_directory')"
    own = f"ends_with({here}, '{FILE}.tmp')"
    root = f"(CASE WHEN {own} THEN replace({here}, '{FILE}.tmp', '') ELSE {_quoted(str(folder) + '/')} END)"
    columns = ", ".join(
        f'CAST("{name}" AS {_sql_type(column.dtype)}) AS "{name}"' for name, column in schema.columns().items()
    )
    stage, view = view_name(key)
    connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{stage}"')
    connection.execute(
        f'CREATE VIEW "{stage}"."{view}" AS SELECT {columns} '
        f"FROM read_parquet({root} || {_quoted(key + '/*.parquet')}, union_by_name = true)"
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _sql_type(dtype: pl.DataType) -> str:
    names: dict[object, str] = {
        pl.String: "VARCHAR", pl.Boolean: "BOOLEAN", pl.Date: "DATE", pl.Float64: "DOUBLE", pl.Float32: "FLOAT",
        pl.Int8: "TINYINT", pl.Int32: "INTEGER", pl.Int64: "BIGINT", pl.UInt32: "UINTEGER", pl.UInt64: "UBIGINT",
        pl.Datetime: "TIMESTAMPTZ",
    }  # fmt: skip
    return names[dtype.base_type()]
