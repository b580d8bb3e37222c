"""Pasts: where two versions of a table differ in what was over at a decision, and whether the rest moved at all."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from expectations.comparison import differences, keys, matched, place

ROW_SET = "(rows)"
SHARE_ALIVE = 0.5
LATER_ROWS_LOOKED_AT = 2_000


def past_evidence(
    name: str, before: pl.DataFrame, after: pl.DataFrame, instant: datetime, *, is_target: bool
) -> list[dict[str, object]]:
    """Rows of FUTURE_PERTURBATION without `passed`: one for the set of rows and one for each column.

    before, after  two versions of a table, in the order of its keys, as `ordered` gives them
    is_target      rows were settled at `exited_at`, and most of those still open must move
    returns        `alive` says whether the column follows the future; null where it is not asked
    """
    past, past_after = _past(before, instant, is_target), _past(after, instant, is_target)
    same, same_after = matched(past, past_after)
    later = _later(before, instant, is_target)
    open_before, open_after = matched(later, after)
    gone = later.height - open_before.height if is_target else 0
    rows_later = open_before.height + gone
    shared = {"decided_at": instant, "table": name, "rows_compared": same.height}
    counts = {"rows_missing": past.height - same.height, "rows_added": past_after.height - same.height}
    apart = _first_apart(past, past_after) if any(counts.values()) else None
    rows: list[dict[str, object]] = [{**shared, "column": ROW_SET, "rows_changed": 0, **counts, "first_example": apart}]
    moved = differences(open_before, open_after)
    for column, found in differences(same, same_after).items():
        changed = moved[column].rows_changed + gone
        follows = changed > SHARE_ALIVE * rows_later if is_target else changed > 0
        is_asked = not is_target or before.schema[column].is_float()
        rows.append(
            {**shared, "column": column, "rows_changed": found.rows_changed, "rows_missing": 0, "rows_added": 0}
            | {"worst_difference": found.worst, "first_example": found.first_example}
            | {"rows_later": rows_later, "rows_later_changed": changed, "alive": follows if is_asked else None}
        )
    return rows


def _past(frame: pl.DataFrame, instant: datetime, is_target: bool) -> pl.DataFrame:
    """Rows decided by the instant; of a target, those whose interval was over by then."""
    if is_target:
        return frame.filter(pl.col("exited_at") <= instant)
    return frame.head(int((frame["session"] <= instant.date()).sum()))


def _later(frame: pl.DataFrame, instant: datetime, is_target: bool) -> pl.DataFrame:
    """Rows decided after the instant, thinned out; of a target, those decided by then and still open."""
    if is_target:
        return frame.filter((pl.col("session") <= instant.date()) & (pl.col("exited_at") > instant))
    rows = frame.slice(int((frame["session"] <= instant.date()).sum()))
    return rows[np.arange(0, rows.height, 1 + rows.height // LATER_ROWS_LOOKED_AT)]


def _first_apart(before: pl.DataFrame, after: pl.DataFrame) -> str | None:
    """The first row that only one of the two has, in words."""
    names = keys(before)
    for have, lack, what in ((before, after, "missing"), (after, before, "added")):
        alone = have.join(lack, on=names, how="anti", nulls_equal=True, maintain_order="left")
        if alone.height:
            return f"{place(alone.row(0, named=True))}: row {what}"
    return None
