"""Cold: the replay in processes of their own, in which no module remembers what it was given before.

A value that a module keeps from its first call, made of the whole history, would be used again by every later call in
the same process, and so be the same whatever future it is given. Two processes begin at either end of the decisions:
one alone would keep the right value where its first call sees what decides it, as the highest price of all.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from assets.table import Declaration
from expectations.table_by_table import Stored, table_by_table
from pipelines.replay import of_facts, steps
from pipelines.workers import results, workers

Declared = Callable[[], Mapping[str, Declaration]]


@dataclass(frozen=True)
class StoredMarket:
    """What a replay needs of a market, in a form that another process can be given.

    declare   function that a process imports by its name; returns the declared tables in their order
    months    partitions of the tables, YYYY-MM, ascending
    files     key of a table -> address of the file of each month
    sessions  dates of the calendar, ascending
    """

    declare: Declared
    months: Sequence[str]
    files: Mapping[str, Sequence[str]]
    sessions: Sequence[date]

    def replayed(self, decisions: Sequence[datetime], seed: int) -> pl.DataFrame:
        """`table_by_table` over all that is stored, in this process."""
        tables = self.declare()
        return table_by_table(steps(tables), self.stored(tables), self.sessions, decisions, seed, of_facts(tables))

    def stored(self, tables: Mapping[str, Declaration]) -> Stored:
        """What is in store of the declared tables and of those that they read; other months are not opened."""
        schemas = [schema for table in tables.values() for schema in (*table.inputs.values(), table.schema)]
        dated_by = {schema.asset_key: schema.dated_by for schema in schemas}

        def read(key: str, first: date | None, last: date | None) -> pl.LazyFrame:
            since = 0 if first is None else bisect_left(self.months, f"{first:%Y-%m}")
            until = len(self.months) if last is None else bisect_right(self.months, f"{last:%Y-%m}")
            inside = pl.col(dated_by[key]).is_between(first or date.min, last or date.max)
            # A decision of the first months may lie before all that a table holds.
            return pl.scan_parquet(list(self.files[key][since : max(until, since + 1)])).filter(
                inside.fill_null(value=True)
            )

        return read


def replayed_cold(market: StoredMarket, decisions: Sequence[datetime], seed: int) -> pl.DataFrame:
    """`table_by_table` by functions never called before: FUTURE_PERTURBATION, in the order of the decisions."""
    ends = (decisions[::2], decisions[1::2][::-1])
    asks = [(market, part, seed + number * len(decisions)) for number, part in enumerate(ends) if part]
    with workers(len(asks)) as pool:
        return pl.concat(results(pool, _replayed, asks)).sort("decided_at", maintain_order=True)


def _replayed(ask: tuple[StoredMarket, Sequence[datetime], int]) -> pl.DataFrame:
    market, decisions, seed = ask
    return market.replayed(decisions, seed)
