"""Column lineage: which columns of its inputs each column of a table is made from.

The function of the table is given frames without rows that note which of their columns a query asks for. So the answer
is what Polars reads once it has left out what is not needed. What a function collects by itself counts for all of its
columns: the answer may name a column too many, but none too few.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import dagster as dg
import polars as pl
from polars.io.plugins import register_io_source

from assets.table import Declaration
from expectations.tables import Table

Column = tuple[str, str]
"""Key of a table, and the name of a column."""


def columns_read(declaration: Declaration) -> dict[str, list[Column]]:
    """By column of the table, the columns that are read for it, in order; raises what its function raises."""
    reads: set[Column] = set()
    frames = {name: _noting(schema, reads) for name, schema in declaration.inputs.items()}
    made = declaration.function(**frames)
    for_all = frozenset(reads)
    found = {}
    for column in declaration.schema.column_names():
        reads.clear()
        made.select(column).collect()
        found[column] = sorted(for_all | reads)
    return found


def for_dagster(found: Mapping[str, list[Column]]) -> dg.TableColumnLineage:
    """The same in the form that the catalogue of Dagster draws."""
    return dg.TableColumnLineage(
        {
            column: [dg.TableColumnDep(asset_key=key.split("/"), column_name=name) for key, name in reads]
            for column, reads in found.items()
        }
    )


def _noting(schema: type[Table], reads: set[Column]) -> pl.LazyFrame:
    """A frame without rows, which notes what is asked of it."""
    empty = pl.DataFrame(schema.create_empty())

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        names = empty.columns if with_columns is None else with_columns
        filtered_by = [] if predicate is None else predicate.meta.root_names()
        reads.update((schema.asset_key, name) for name in (*names, *filtered_by))
        yield empty.select(names)

    return register_io_source(read, schema=empty.schema)
