"""Replay: the declared functions one after another, in memory, and which of them read what."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import polars as pl

from assets.table import Declaration
from expectations.facts import RAW_FACTS

Frames = Mapping[str, pl.DataFrame]


def compose(tables: Mapping[str, Declaration]) -> Callable[[Frames], dict[str, pl.DataFrame]]:
    """The declared functions one after another, in memory: raw tables to every table that has one row per key.

    tables  in an order in which each comes after those it reads; a raw table that is not given has no rows
    """
    keyed = [key for key, table in tables.items() if table.schema.primary_key()]
    needed = read_by(keyed, tables)

    def replay(raw: Frames) -> dict[str, pl.DataFrame]:
        made: dict[str, pl.DataFrame] = {table.asset_key: table.create_empty() for table in RAW_FACTS}
        made |= raw
        for key, table in needed.items():
            frames = {name: made[schema.asset_key].lazy() for name, schema in table.inputs.items()}
            made[key] = table.function(**frames).collect()
        return {key: made[key] for key in keyed}

    return replay


def read_by(keys: Iterable[str], tables: Mapping[str, Declaration]) -> dict[str, Declaration]:
    """The tables of the given keys and all that these read, in the order of `tables`."""
    needed: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in tables and key not in needed:
            needed.add(key)
            waiting += [schema.asset_key for schema in tables[key].inputs.values()]
    return {key: table for key, table in tables.items() if key in needed}


def of_facts(tables: Mapping[str, Declaration]) -> frozenset[str]:
    """Keys of the tables that read admitted facts, of which a source may tell few or none."""
    raw = {table.asset_key for table in RAW_FACTS}
    admitted = {key for key, table in tables.items() if _inputs(table) <= raw}
    return frozenset(key for key, table in tables.items() if admitted & _inputs(table))


def _inputs(table: Declaration) -> set[str]:
    return {schema.asset_key for schema in table.inputs.values()}
