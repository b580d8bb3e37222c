"""Statement items: which delivered item means what, and over which time it is measured.

The rows are in `statement_items.csv` beside this module. Chinese reports are cumulative: a figure `year_to_date` runs
from January to the end of the period, so that the annual report holds the year and single quarters are differences; a
figure `at_period_end` is a balance. Where several items of a source mean the same, the higher `preferred` counts.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

NET_PROFIT, REVENUE, CASH_FLOW = "net_profit", "revenue", "operating_cash_flow"
ASSETS, EQUITY, SHARES = "total_assets", "equity", "total_shares"
NET_MARGIN, CASH_TO_REVENUE, TURNOVER, LEVERAGE = "net_margin", "cash_to_revenue", "asset_turnover", "assets_to_equity"
MEANINGS = (
    NET_PROFIT, REVENUE, CASH_FLOW, ASSETS, EQUITY, SHARES, NET_MARGIN, CASH_TO_REVENUE, TURNOVER, LEVERAGE,
)  # fmt: skip
MEASURED = ("year_to_date", "at_period_end")


@cache
def statement_items() -> pl.DataFrame:
    """One row for each known item: item, means, measured, preferred, source.

    raises  ValueError for an item that appears twice, or a meaning or a measure that is not known
    """
    kinds = {"item": pl.String, "means": pl.String, "measured": pl.String, "preferred": pl.Int32, "source": pl.String}
    rows = pl.read_csv(Path(__file__).with_suffix(".csv"), schema=kinds)
    twice = rows.filter(pl.col("item").is_duplicated())["item"].unique(maintain_order=True).to_list()
    odd = rows.filter(~pl.col("means").is_in(MEANINGS) | ~pl.col("measured").is_in(MEASURED))["item"].to_list()
    if twice or odd:
        raise ValueError(
            f"statement_items.csv: {twice} appear twice and {odd} mean or measure what is not known; name each item "
            f"once, `means` one of {list(MEANINGS)}, `measured` one of {list(MEASURED)}"
        )
    return rows


def meant(statements: pl.LazyFrame) -> pl.LazyFrame:
    """The rows of known items with the columns `means` and `preferred`; any other item is left out."""
    words = statement_items().lazy().select("item", "means", "preferred")
    return statements.join(words, on="item", how="inner")
