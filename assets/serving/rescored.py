"""Rescored: lists that were issued, scored again by the same models from what is in store now."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import ClassVar

import dataframely as dy
import polars as pl

from expectations.tables import Table

NAMED = 3
KEYS = ("session", "security_id")
WHAT_CHANGED = {"session": pl.Date, "security_id": pl.String, "table": pl.String, "digest": pl.UInt64}


class Rescored(Table):
    """The newest lists that were issued before the last one, beside what the same models say of the same sessions now.

    Data are corrected, and news comes late: then a list would look another way today. One row a name; a difference is
    explained by what changed in the tables that the models read. The list itself stays as it was issued.
    """

    asset_key: ClassVar[str] = "serving/rescored"

    session = dy.Date(primary_key=True)
    horizon = dy.Int64(primary_key=True, metadata={"unit": "sessions"})
    security_id = dy.String(primary_key=True)
    issued = dy.Float64(nullable=True, metadata={"definition": "forecast on the list; null where there was none"})
    now = dy.Float64(nullable=True, metadata={"definition": "forecast from what is in store now"})
    is_same = dy.Bool()
    explanation = dy.String(nullable=True, metadata={"definition": "what changed since; null where nothing differs"})


def rescored(issued: pl.DataFrame, now: pl.DataFrame, changed: str) -> pl.DataFrame:
    """The rows of `Rescored` but the horizon.

    issued, now  session, security_id, forecast of one list
    changed      what changed in the tables that were read, of `changes`
    """
    then = issued.select(*KEYS, issued="forecast").unique(KEYS)
    both = then.join(now.select(*KEYS, now="forecast").unique(KEYS), on=KEYS, how="full", coalesce=True)
    is_same = pl.col("issued").eq_missing(pl.col("now"))
    return both.with_columns(
        is_same=is_same, explanation=pl.when(~is_same).then(pl.lit(changed or "nothing that is read changed"))
    ).sort(KEYS)


def fingerprint(tables: Mapping[str, pl.LazyFrame], first: date, last: date) -> pl.DataFrame:
    """Digests of what was read, by table and session and by table and name: small, and enough to say what changed.

    tables  key -> rows with a session and a security_id; those from first to last count
    returns session, security_id (one of the two is null), table, digest
    """
    parts = []
    for key, frame in tables.items():
        rows = frame.filter(pl.col("session").is_between(first, last))
        hashed = rows.select(*KEYS, digest=pl.struct(pl.all()).hash()).collect()
        for own in KEYS:
            digests = hashed.group_by(own).agg(pl.col("digest").bitwise_xor()).with_columns(table=pl.lit(key))
            parts.append(digests)
    empty = pl.DataFrame(schema=WHAT_CHANGED)
    return pl.concat([empty, *(part.cast({"digest": pl.UInt64}) for part in parts)], how="diagonal_relaxed")


def changes(before: pl.DataFrame, now: pl.DataFrame) -> str:
    """What differs between two fingerprints, table by table, in words; empty where nothing does."""
    key = ["table", *KEYS]
    both = before.join(now, on=key, how="full", coalesce=True, nulls_equal=True, suffix="_now")
    differ = both.filter(~pl.col("digest").eq_missing(pl.col("digest_now"))).sort(key)
    told = []
    for (table,), rows in differ.group_by("table", maintain_order=True):
        names = rows["security_id"].drop_nulls().to_list()
        sessions = rows["session"].drop_nulls().cast(pl.String).to_list()
        told.append(f"{table}: {_some(names)} on {_some(sessions)}")
    return "; ".join(told)


def _some(found: list[str]) -> str:
    rest = f" and {len(found) - NAMED} more" if found[NAMED:] else ""
    return f"{', '.join(found[:NAMED])}{rest}"
