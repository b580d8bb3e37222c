"""Replay: the declared functions one after another, in memory, and which of them read what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date

import polars as pl

from assets.table import Declaration
from expectations.decisions import decisions
from expectations.facts import RAW_FACTS
from expectations.table_by_table import Step, Stored, table_by_table
from expectations.tables import Calendar

Frames = Mapping[str, pl.DataFrame]


def another_future(tables: Mapping[str, Declaration], raw: Frames, count: int, seed: int = 0) -> pl.DataFrame:
    """The gate's evidence of a rewritten future on a market in memory, after `count` decisions.

    tables  in an order in which each comes after those it reads; a raw table that is not given has no rows
    """
    frames = made(tables, raw)
    sessions = frames[Calendar.asset_key]["session"].sort().to_list()
    instants = decisions(sessions, count, seed)
    return table_by_table(steps(tables), stored_in(frames), sessions, instants, seed, of_facts(tables))


def steps(tables: Mapping[str, Declaration]) -> list[Step]:
    """The declared functions as steps that the gate walks, in the order of `tables`; refusals are left out."""
    read = {schema.asset_key for table in tables.values() for schema in table.inputs.values()}
    return [_step(table) for table in tables.values() if table.schema.primary_key() or table.key in read]


def _step(table: Declaration) -> Step:
    def make(**frames: pl.LazyFrame) -> pl.DataFrame:
        return table.schema.cast(table.function(**frames)).collect()

    return Step(
        key=table.key,
        make=make,
        reads={name: schema.asset_key for name, schema in table.inputs.items()},
        look_back=table.look_back,
        is_target=bool(table.sees_later),
        is_keyed=bool(table.schema.primary_key()),
    )


def stored_in(frames: Frames) -> Stored:
    """Tables in memory as what is in store."""

    def read(key: str, first: date | None, last: date | None) -> pl.LazyFrame:
        rows = frames[key].lazy()
        day = pl.col("session" if "session" in frames[key].columns else "known_on")
        since = pl.lit(value=True) if first is None else (day >= first).fill_null(value=True)
        until = pl.lit(value=True) if last is None else (day <= last).fill_null(value=True)
        return rows.filter(since & until)

    return read


def made(tables: Mapping[str, Declaration], raw: Frames) -> dict[str, pl.DataFrame]:
    """Every table, by key, the raw ones too; the tables come in an order in which each is after those it reads."""
    found: dict[str, pl.DataFrame] = {table.asset_key: table.create_empty() for table in RAW_FACTS}
    found |= raw
    for key, table in tables.items():
        frames = {name: found[schema.asset_key].lazy() for name, schema in table.inputs.items()}
        found[key] = table.function(**frames).collect()
    return found


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
