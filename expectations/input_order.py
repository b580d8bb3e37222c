"""Input order: for every input of every feature group, whether what a session's decision may use was known by then."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from expectations.decisions import DECIDED_HOUR, decided_at
from expectations.evidence import INSTANT

INPUT_ORDER = pl.Schema(
    {
        "group": pl.String(),
        "input": pl.String(),
        "reading": pl.String(),
        "rows": pl.Int64(),
        "rows_undated": pl.Int64(),
        "rows_late": pl.Int64(),
        "last_available_at": INSTANT,
        "decided_at": INSTANT,
        "checked_by": pl.String(),
        "passed": pl.Boolean(),
    }
)
BY_SESSION, AS_OF = "by session", "as of"
CHECKED_BY = {
    BY_SESSION: "input_order: every row against the decision of its session",
    AS_OF: "vintage: what counts at a decision, from the raw rows; future_perturbation: that nothing later is read",
}


def input_order(inputs: Mapping[str, Mapping[str, pl.DataFrame]], decided_hour: int = DECIDED_HOUR) -> pl.DataFrame:
    """By feature group and input that bears instants, the row of the session whose last one is nearest its decision.

    A row of a table by session is used by the decision of its session, and must be known by then. A row of a table of
    facts waits for the first decision at or after its instant: there `rows_late` are those that came after the decision
    of their own day, and only a row without an instant fails.

    inputs   feature group -> key of an input -> its rows, with `available_at` and `session` or `known_on`
    returns  INPUT_ORDER
    """
    seen: dict[int, dict[str, object]] = {}
    rows = []
    for group, tables in inputs.items():
        for key, frame in tables.items():
            found = seen.setdefault(id(frame), _order(frame, decided_hour))
            rows.append({"group": group, "input": key, **found})
    return pl.DataFrame(rows, schema=INPUT_ORDER)


def _order(frame: pl.DataFrame, hour: int) -> dict[str, object]:
    reading = BY_SESSION if "session" in frame.columns else AS_OF
    day = pl.col("session" if reading == BY_SESSION else "known_on")
    nearest = pl.col("available_at") - pl.col("decided_at")
    dated = frame.select("available_at", decided_at=decided_at(day, hour)).with_columns(_by=nearest)
    undated = dated["available_at"].null_count()
    late = dated.filter(pl.col("available_at") > pl.col("decided_at")).height
    top = dated.filter(pl.col("_by") == pl.col("_by").max()).head(1)
    return {
        "reading": reading,
        "rows": frame.height,
        "rows_undated": undated,
        "rows_late": late,
        "last_available_at": top["available_at"].max(),
        "decided_at": top["decided_at"].max(),
        "checked_by": CHECKED_BY[reading],
        "passed": undated == 0 and (late == 0 or reading == AS_OF),
    }
