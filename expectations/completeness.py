"""Completeness: whether every raw row is accounted for, and every month has sessions."""

from __future__ import annotations

import polars as pl

from expectations.evidence import COUNTS
from expectations.tickers import ticker

UNDATED = "undated"


def counts(raw: pl.DataFrame, bars: pl.DataFrame, refused: pl.DataFrame) -> pl.DataFrame:
    """By month from the first to the last, how many raw rows were kept or refused, and how many sessions are left.

    raw, bars, refused  rows of RawBars, Bars and RefusedBars over the same span
    returns             COUNTS; rows without a session stand in a month 'undated'; a row that cleaning added to `bars`
                        is not counted as kept
    """
    # Raw rows know the ticker alone, also where cleaning found another life of it.
    of_ticker = bars.with_columns(ticker(pl.col("security_id")))
    kept = of_ticker.join(raw.select("session", "security_id").unique(), on=["session", "security_id"], how="semi")
    found = (
        _by_month(raw, rows_raw=pl.len())
        .join(_by_month(kept, rows_kept=pl.len()), on="month", how="full", coalesce=True)
        .join(_by_month(refused, rows_refused=pl.len()), on="month", how="full", coalesce=True)
        .join(_by_month(bars, sessions=pl.col("session").n_unique()), on="month", how="full", coalesce=True)
        .join(_months(raw), on="month", how="full", coalesce=True)
    )
    rows_kept, rows_refused = pl.col("rows_kept"), pl.col("rows_refused")
    return (
        found.with_columns(pl.exclude("month").fill_null(0).cast(pl.Int64))
        .with_columns(
            rows_unaccounted=pl.col("rows_raw") - rows_kept - rows_refused,
            refused_share=rows_refused / pl.max_horizontal("rows_raw", 1),
        )
        .select(COUNTS.names())
        .sort("month")
    )


def _by_month(frame: pl.DataFrame, **aggregate: pl.Expr) -> pl.DataFrame:
    month = pl.col("session").dt.strftime("%Y-%m").fill_null(UNDATED)
    return frame.group_by(month.alias("month")).agg(**aggregate)


def _months(raw: pl.DataFrame) -> pl.DataFrame:
    ends = raw.select(first=pl.col("session").min(), last=pl.col("session").max()).drop_nulls()
    return ends.select(
        month=pl.date_ranges(pl.col("first").dt.month_start(), "last", "1mo").explode().dt.strftime("%Y-%m")
    )
