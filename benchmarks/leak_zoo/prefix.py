"""Prefix recompute: features made of what was known by a decision alone, beside those of the full history.

What common tools check. It runs in the process of a trial, and so imports the project that lies on the path there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from datetime import datetime

    from pipelines.project import Project

SEED = 1


def prefix_recompute(project: Project, count: int) -> str | None:
    """The first column of a feature that differs at a decision, in words; None where all are the same.

    project  brought up to date: the raw tables and the features of the full history are read from its store
    count    decisions that are tried
    """
    from assets.table import declarations
    from expectations.decisions import decisions
    from pipelines.declared import STAGES, in_order, modules_of
    from pipelines.replay import made, read_by

    tables = in_order(declarations(*modules_of(STAGES)))
    features = [key for key, table in tables.items() if table.stage == "features"]
    needed = read_by(features, tables)
    read = {schema.asset_key for table in needed.values() for schema in table.inputs.values()}
    raw = {key: project.graph.warehouse.read(key).collect() for key in read if key.startswith("raw/")}
    full = {key: project.graph.warehouse.read(key).collect() for key in features}
    sessions = project.graph.warehouse.read("cleaning/calendar").collect()["session"].to_list()
    for instant in decisions(sessions, count, SEED):
        again = made(needed, {key: frame.filter(pl.col("available_at") <= instant) for key, frame in raw.items()})
        for key in features:
            if found := _apart(key, full[key], again[key], instant):
                return found
    return None


def _apart(key: str, full: pl.DataFrame, again: pl.DataFrame, instant: datetime) -> str | None:
    from expectations.comparison import differences, matched, ordered

    before, after = (ordered(key, frame.filter(pl.col("session") == instant.date())) for frame in (full, again))
    if set(before["security_id"]) != set(after["security_id"]):
        return f"{key}: other rows on {instant.date()}"
    for column, found in differences(*matched(before, after)).items():
        if found.rows_changed:
            return f"{key}.{column}: {found.first_example}"
    return None
