"""Cleaning counts: how many rows each cleaning rule touched, by year and board."""

from __future__ import annotations

import dataframely as dy
import polars as pl

from expectations.tables import Table
from expectations.tickers import ticker


class CleaningCounts(Table):
    """Rows that each rule touched, by year and board; rules that touched none have no row."""

    asset_key = "evaluation/cleaning_counts"

    rule = dy.String(primary_key=True)
    action = dy.String(primary_key=True, metadata={"definition": "refused, changed, masked or flagged"})
    year = dy.Int32(primary_key=True, metadata={"definition": "0 for rows without a date"})
    board = dy.String(primary_key=True, metadata={"definition": "main, chinext, star, bse or unknown"})
    rows = dy.Int64(min=1, metadata={"definition": "raw rows touched"})
    share = dy.Float64(min=0, max=1, metadata={"definition": "of the raw rows of that year and board"})


def cleaning_counts(raw_bars: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """The `CleaningCounts` of a ledger that was made from these raw bars."""
    year = pl.col("session").dt.year().fill_null(0).cast(pl.Int32).alias("year")
    board = pl.col("board").fill_null("unknown")
    every = raw_bars.group_by(year, board).len("rows_there")
    boards = raw_bars.select("session", board, ticker="security_id").unique(["session", "ticker"])
    rows = ledger.with_columns(ticker=ticker(pl.col("security_id")))
    refused = rows.filter(action="refused")
    others = rows.filter(pl.col("action") != "refused").unique(["rule", "action", "session", "ticker"])
    touched = pl.concat([refused, others]).join(boards, on=["session", "ticker"], how="left", nulls_equal=True)
    counted = touched.group_by("rule", "action", year, board).agg(rows=pl.len().cast(pl.Int64))
    shared = counted.join(every, on=["year", "board"]).with_columns(share=pl.col("rows") / pl.col("rows_there"))
    return CleaningCounts.validate(shared.sort("rule", "action", "year", "board"), cast=True)
