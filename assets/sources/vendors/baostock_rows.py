"""Baostock rows: what baostock's endpoints answer, in our columns and units.

Documented arrivals: daily bars 17:30, adjustment factors 18:00, statements and lists 01:30 of the next day. A bar
carries its factor, so its row is known at 18:00. Volume is in shares and amount in yuan; all values arrive as text.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import time
from typing import Literal

import polars as pl

from assets.sources.vendors.arrival import Arrival
from assets.sources.vendors.codes import from_dotted
from assets.sources.vendors.vendor import number

BARS_ARRIVE = Arrival(time(18))
LISTS_ARRIVE = Arrival(time(1, 30), days_later=1, weekends=True)

BAR = ("date", "code", "open", "high", "low", "close", "preclose", "volume", "amount", "tradestatus", "isST")
INDEX_BAR = ("date", "code", "close", "preclose", "amount")
FACTOR = ("code", "dividOperateDate", "backAdjustFactor")
LISTING = ("code", "ipoDate", "outDate")
MEMBER = ("updateDate", "code")
INDUSTRY = ("updateDate", "code", "industry")
REPORT = ("code", "pubDate", "statDate")

Statement = Literal["profit", "operation", "growth", "dupont", "balance", "cash_flow"]
ITEMS: dict[Statement, tuple[str, ...]] = {
    "profit": ("roeAvg", "npMargin", "gpMargin", "netProfit", "epsTTM", "MBRevenue", "totalShare", "liqaShare"),
    "operation": ("NRTurnRatio", "NRTurnDays", "INVTurnRatio", "INVTurnDays", "CATurnRatio", "AssetTurnRatio"),
    "growth": ("YOYEquity", "YOYAsset", "YOYNI", "YOYEPSBasic", "YOYPNI"),
    "dupont": (
        "dupontROE",
        "dupontAssetStoEquity",
        "dupontAssetTurn",
        "dupontPnitoni",
        "dupontNitogr",
        "dupontEbittogr",
    ),
    "balance": ("currentRatio", "quickRatio", "cashRatio", "YOYLiability", "liabilityToAsset", "assetToEquity"),
    "cash_flow": ("CAToAsset", "NCAToAsset", "tangibleAssetToAsset", "ebitToInterest", "CFOToOR", "CFOToNP", "CFOToGr"),
}
OUR_ITEMS = {
    "netProfit": "net_profit",
    "MBRevenue": "revenue",
    "totalShare": "total_shares",
    "liqaShare": "float_shares",
}


def priced(bars: pl.LazyFrame) -> pl.LazyFrame:
    """Bars in our words; a suspended day has no prices, though baostock repeats the last close on it."""
    traded = pl.col("tradestatus") == "1"
    prices = {name: pl.when(traded).then(number(name)) for name in ("open", "high", "low", "close")}
    sizes = {name: pl.when(traded).then(number(name)).otherwise(0.0) for name in ("volume", "amount")}
    return bars.select(
        session=pl.col("date").str.to_date(strict=False),
        security_id=from_dotted(pl.col("code")),
        is_st=pl.col("isST") == "1",
        is_suspended=~traded,
        prev_close=number("preclose"),
        **prices,
        **sizes,
    )


def with_factors(bars: pl.LazyFrame, factors: pl.LazyFrame) -> pl.LazyFrame:
    """Bars with the factor of the last ex-right day up to the session; 1 before the first."""
    dated = factors.select(
        security_id=from_dotted(pl.col("code")),
        session=pl.col("dividOperateDate").str.to_date(strict=False),
        adj_factor=number("backAdjustFactor"),
    )
    joined = bars.sort("session").join_asof(
        dated.drop_nulls().sort("session"), on="session", by="security_id", strategy="backward", check_sortedness=False
    )
    return joined.with_columns(pl.col("adj_factor").fill_null(1.0))


def statements(reports: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """One row for each item of a report; baostock keeps one value a period, so none is known to be a restatement."""
    parts = [report.unpivot(index=REPORT, variable_name="field", value_name="text") for report in reports]
    published = pl.col("pubDate").str.to_date(strict=False)
    words = (
        pl.col("field").str.replace_all("([a-z])([A-Z])", "${1}_$2").str.replace_all("([A-Z])([A-Z][a-z])", "${1}_$2")
    )
    return pl.concat(parts).select(
        security_id=from_dotted(pl.col("code")),
        period_end=pl.col("statDate").str.to_date(strict=False),
        item=pl.col("field").replace_strict(OUR_ITEMS, default=words.str.to_lowercase(), return_dtype=pl.String),
        value=number("text"),
        revision=pl.lit(0, dtype=pl.Int32),
        published_on=published,
        available_at=LISTS_ARRIVE.known(published),
        delivery=pl.lit("statements ") + from_dotted(pl.col("code")),
    )


def float_shares(reports: Sequence[pl.LazyFrame]) -> pl.LazyFrame:
    """Shares as the reports tell them, known when a report is published; a change between two reports comes late."""
    published = pl.col("pubDate").str.to_date(strict=False)
    return pl.concat(reports).select(
        security_id=from_dotted(pl.col("code")),
        float_shares=number("liqaShare"),
        total_shares=number("totalShare"),
        available_at=LISTS_ARRIVE.known(published),
        delivery=pl.lit("query_profit_data ") + from_dotted(pl.col("code")),
    )


def index_bars(bars: pl.LazyFrame) -> pl.LazyFrame:
    """Closes of indices."""
    session, index_id = pl.col("date").str.to_date(strict=False), from_dotted(pl.col("code"))
    return bars.select(
        session=session,
        index_id=index_id,
        close=number("close"),
        prev_close=number("preclose"),
        amount=number("amount"),
        available_at=BARS_ARRIVE.known(session),
        delivery=pl.lit("query_history_k_data_plus ") + index_id,
    )
