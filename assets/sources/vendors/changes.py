"""Changes: what holds for a while, told by snapshots, as rows of its beginnings and ends."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def changes(snapshots: pl.DataFrame, group: str, keys: Sequence[str], values: Sequence[str]) -> pl.DataFrame:
    """A row with `holds` true where something enters or a value changes, and false where it is gone.

    snapshots  columns `known_from`, `group`, keys and values; all rows of a group with one `known_from` are complete
    group      what a snapshot is of, for example an index; its first snapshot is all entries
    returns    known_from, group, keys, values (those last told where it ends), holds

    A row is made from a snapshot and the one before it, so that no later one changes it.
    """
    columns = ["known_from", group, *keys, *values]
    dates = snapshots.select(group, "known_from").unique().sort(group, "known_from")
    dates = dates.with_columns(place=pl.int_range(pl.len()).over(group))
    told = snapshots.select(columns).unique().join(dates, on=[group, "known_from"])
    before = told.with_columns(pl.col("place") + 1)
    same = ["place", group, *keys]
    entered = told.join(before, on=[*same, *values], how="anti", nulls_equal=True)
    following = dates.rename({"known_from": "following"})
    gone = before.join(told, on=same, how="anti").join(following, on=["place", group])
    ended = gone.with_columns(known_from=pl.col("following"), holds=pl.lit(False))
    rows = pl.concat(
        [entered.with_columns(holds=pl.lit(True)).select(*columns, "holds"), ended.select(*columns, "holds")]
    )
    return rows.sort("known_from", group, *keys, "holds")
