"""Cold: the replay in processes of their own, in which no module remembers what it was given before.

A value that a module keeps from its first call, made of the whole history, would be used again by every later call in
the same process, and so be the same whatever future it is given. Two processes begin at either end of the decisions:
one alone would keep the right value where its first call sees what decides it, as the highest price of all.
"""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from assets.table import Declaration
from expectations.table_by_table import Stored, table_by_table
from pipelines.reach import month_number
from pipelines.replay import of_facts, steps
from pipelines.warehouse import Warehouse

Declared = Callable[[], Mapping[str, Declaration]]


@dataclass(frozen=True)
class StoredMarket:
    """What a replay needs of a market, in a form that another process can be given.

    declare   function that a process imports by its name; returns the declared tables in their order
    root      folder or address of the warehouse
    months    partitions of the tables, ascending
    sessions  dates of the calendar, ascending
    """

    declare: Declared
    root: str
    months: Sequence[str]
    sessions: Sequence[date]

    def replayed(self, decisions: Sequence[datetime], seed: int) -> pl.DataFrame:
        """`table_by_table` over all that is stored, in this process."""
        tables = self.declare()
        schemas = [schema for table in tables.values() for schema in (*table.inputs.values(), table.schema)]
        stored = stored_by_month(Warehouse(self.root, {schema.asset_key: schema for schema in schemas}), self.months)
        return table_by_table(steps(tables), stored, self.sessions, decisions, seed, of_facts(tables))


def replayed_cold(market: StoredMarket, decisions: Sequence[datetime], seed: int) -> pl.DataFrame:
    """`table_by_table` by functions never called before: FUTURE_PERTURBATION, in the order of the decisions."""
    ends = (decisions[::2], decisions[1::2][::-1])
    with ProcessPoolExecutor(len(ends), multiprocessing.get_context("spawn")) as pool:
        asked = [
            pool.submit(market.replayed, part, seed + number * len(decisions))
            for number, part in enumerate(ends)
            if part
        ]
        return pl.concat([found.result() for found in asked]).sort("decided_at", maintain_order=True)


def stored_by_month(warehouse: Warehouse, months: Sequence[str]) -> Stored:
    """What is in store of tables by month; only the months asked for are opened."""

    def read(key: str, first: date | None, last: date | None) -> pl.LazyFrame:
        since = month_number(f"{first:%Y-%m}") if first else 0
        until = month_number(f"{last:%Y-%m}") if last else month_number(months[-1])
        kept = [month for month in months if since <= month_number(month) <= until]
        day = pl.col(warehouse.schemas[key].dated_by)
        inside = day.is_between(first or date.min, last or date.max)
        return warehouse.read(key, kept).filter(inside.fill_null(value=True))

    return read
