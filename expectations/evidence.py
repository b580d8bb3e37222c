"""Evidence: the columns of the small tables on which the gate's verdicts rest."""

from __future__ import annotations

import polars as pl

from expectations.tables import EXCHANGE_TIME_ZONE

INSTANT = pl.Datetime("us", EXCHANGE_TIME_ZONE)
FUTURE_PERTURBATION = pl.Schema(
    {
        "decided_at": INSTANT,
        "table": pl.String(),
        "column": pl.String(),
        "rows_compared": pl.Int64(),
        "rows_changed": pl.Int64(),
        "rows_missing": pl.Int64(),
        "rows_added": pl.Int64(),
        "worst_difference": pl.Float64(),
        "first_example": pl.String(),
        "rows_later": pl.Int64(),
        "rows_later_changed": pl.Int64(),
        "alive": pl.Boolean(),
        "passed": pl.Boolean(),
    }
)
PURGE = pl.Schema(
    {
        "fold": pl.String(),
        "boundary": pl.String(),
        "rows_before": pl.Int64(),
        "rows_unsettled": pl.Int64(),
        "rows_astray": pl.Int64(),
        "rows_purged": pl.Int64(),
        "last_exit": INSTANT,
        "first_decision": INSTANT,
        "gap_hours": pl.Float64(),
        "passed": pl.Boolean(),
    }
)
TIMESTAMP_ORDER = pl.Schema(
    {
        "session": pl.Date(),
        "rows": pl.Int64(),
        "rows_undated": pl.Int64(),
        "last_available_at": INSTANT,
        "decided_at": INSTANT,
        "passed": pl.Boolean(),
    }
)
EXECUTION = pl.Schema(
    {
        "rule": pl.String(),
        "rows_checked": pl.Int64(),
        "rows_violating": pl.Int64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
COUNTS = pl.Schema(
    {
        "month": pl.String(),
        "rows_raw": pl.Int64(),
        "rows_kept": pl.Int64(),
        "rows_refused": pl.Int64(),
        "rows_unaccounted": pl.Int64(),
        "refused_share": pl.Float64(),
        "sessions": pl.Int64(),
    }
)
KNOWLEDGE_CUTOFF = pl.Schema(
    {
        "experiment": pl.String(),
        "group": pl.String(),
        "fold": pl.String(),
        "test_start": pl.Date(),
        "knowledge_cutoff": pl.Date(),
        "passed": pl.Boolean(),
    }
)
COVERAGE = pl.Schema({"table": pl.String(), "column": pl.String(), "rows_compared": pl.Int64()})
LIVENESS = pl.Schema({"table": pl.String(), "column": pl.String(), "alive": pl.Boolean()})
