"""Tushare rows: what tushare's endpoints answer, in our columns and units.

Documented arrivals: factors 09:20, bars 16:00, shares and indices 17:00, statements 21:00. Volume comes in lots of 100
shares, the amount of shares and indices in thousands of yuan, share counts in ten thousands, weights in percent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import time
from typing import Literal

import polars as pl

from assets.sources.vendors.arrival import Arrival
from assets.sources.vendors.codes import board, from_suffixed
from assets.sources.vendors.grid import with_strays
from assets.sources.vendors.vendor import number
from expectations.tables import EXCHANGE_TIME_ZONE

BARS_ARRIVE = Arrival(time(16))
SHARES_ARRIVE = Arrival(time(17))
STATEMENTS_ARRIVE = Arrival(time(21), weekends=True)
LISTS_ARRIVE = Arrival(time(9), days_later=1, weekends=True)
"""Of index members and announcements by date alone; tushare documents no time, so the next morning is taken."""

LOT, THOUSAND, TEN_THOUSAND, PERCENT = 100, 1000, 10_000, 0.01

REPORT = ("ts_code", "ann_date", "f_ann_date", "end_date", "update_flag")


@dataclass(frozen=True)
class Endpoint:
    """One of tushare's interfaces: its name, the columns wanted, and when it brings something new.

    longest  months that one question may span, so that the answer stays below the vendor's limit of rows
    code     argument that names what is asked about
    """

    name: str
    columns: tuple[str, ...]
    arrival: Arrival
    longest: int = 120
    code: str = "ts_code"


BARS = Endpoint(
    "daily", ("ts_code", "trade_date", "open", "high", "low", "close", "pre_close", "vol", "amount"), BARS_ARRIVE
)
FACTORS = Endpoint("adj_factor", ("ts_code", "trade_date", "adj_factor"), BARS_ARRIVE)
HALTS = Endpoint("suspend_d", ("ts_code", "trade_date", "suspend_timing", "suspend_type"), BARS_ARRIVE)
NAMES = Endpoint("namechange", ("ts_code", "name", "start_date"), LISTS_ARRIVE)
SHARES = Endpoint("daily_basic", ("ts_code", "trade_date", "float_share", "total_share"), SHARES_ARRIVE)
INDEX_BARS = Endpoint("index_daily", ("ts_code", "trade_date", "close", "pre_close", "amount"), SHARES_ARRIVE)
WEIGHTS = Endpoint(
    "index_weight", ("index_code", "con_code", "trade_date", "weight"), LISTS_ARRIVE, longest=1, code="index_code"
)
TITLES = Endpoint("anns_d", ("ts_code", "ann_date", "title", "url", "rec_time"), LISTS_ARRIVE, longest=6)
LISTINGS = Endpoint("stock_basic", ("ts_code", "list_date", "delist_date"), LISTS_ARRIVE, code="list_status")
SESSIONS = Endpoint("trade_cal", ("cal_date", "is_open"), LISTS_ARRIVE, code="exchange")

Statement = Literal["income", "balancesheet", "cashflow"]
ITEMS: dict[Statement, dict[str, str]] = {
    "income": {
        "revenue": "revenue",
        "total_revenue": "total_revenue",
        "operate_profit": "operating_profit",
        "n_income": "net_profit",
        "n_income_attr_p": "net_profit_to_parent",
        "basic_eps": "basic_eps",
    },
    "balancesheet": {
        "total_assets": "total_assets",
        "total_liab": "total_liabilities",
        "total_hldr_eqy_exc_min_int": "equity_to_parent",
    },
    "cashflow": {
        "n_cashflow_act": "operating_cash_flow",
        "n_cashflow_inv_act": "investing_cash_flow",
        "n_cash_flows_fnc_act": "financing_cash_flow",
    },
}

REPORTS = {kind: Endpoint(kind, (*REPORT, *items), STATEMENTS_ARRIVE) for kind, items in ITEMS.items()}


def day(name: str) -> pl.Expr:
    """A column of dates written 20200131; null where it holds none."""
    return pl.col(name).str.slice(0, 8).str.to_date("%Y%m%d", strict=False)


def suspensions(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Sessions without any trade: security_id, session. A halt of some hours names them, and is no suspension."""
    whole_day = (pl.col("suspend_type") == "S") & (pl.col("suspend_timing").fill_null("").str.strip_chars() == "")
    return (
        answers.filter(whole_day)
        .select(security_id=from_suffixed(pl.col("ts_code")), session=day("trade_date"))
        .unique()
    )


def bars(
    listed: pl.LazyFrame, answers: pl.LazyFrame, factors: pl.LazyFrame, halts: pl.LazyFrame, names: pl.LazyFrame
) -> pl.LazyFrame:
    """A row for every session in which a security was listed.

    listed  session, security_id, listed_on
    halts   as `suspensions` gives them
    A session with neither a bar nor a suspension is there with the source's objection: a hole is no suspension.
    """
    key = ["session", "security_id"]
    traded = answers.select(
        session=day("trade_date"),
        security_id=from_suffixed(pl.col("ts_code")),
        **{name: number(name) for name in ("open", "high", "low", "close")},
        prev_close=number("pre_close"),
        volume=number("vol") * LOT,
        amount=number("amount") * THOUSAND,
        is_traded=pl.lit(True),
    ).unique(key, keep="first", maintain_order=True)
    dated = factors.select(
        session=day("trade_date"), security_id=from_suffixed(pl.col("ts_code")), adj_factor=number("adj_factor")
    ).unique(key, keep="first", maintain_order=True)
    rows = with_strays(listed, traded).join(dated, on=key, how="left")
    rows = rows.join(halts.with_columns(is_halted=pl.lit(True)), on=key, how="left")
    is_traded, is_halted = pl.col("is_traded").fill_null(False), pl.col("is_halted").fill_null(False)
    hole = pl.lit("tushare has neither a bar nor a suspension for this session")
    return with_st(rows, names).with_columns(
        is_suspended=~is_traded & is_halted,
        volume=pl.when(is_traded | ~is_halted).then("volume").otherwise(0.0),
        amount=pl.when(is_traded | ~is_halted).then("amount").otherwise(0.0),
        board=board(pl.col("security_id")),
        is_unreformed=pl.lit(None, dtype=pl.Boolean),
        source_objection=pl.when(~is_traded & ~is_halted).then(hole),
        available_at=BARS_ARRIVE.known(pl.col("session")),
        delivery=pl.lit("daily ") + pl.col("security_id"),
    )


def with_st(rows: pl.LazyFrame, names: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with `is_st`: whether the name in force that session says so; null before the first known name."""
    dated = names.select(
        security_id=from_suffixed(pl.col("ts_code")),
        session=day("start_date"),
        is_st=pl.col("name").str.contains("ST", literal=True),
    )
    begun = dated.drop_nulls().unique(["security_id", "session"], keep="first", maintain_order=True).sort("session")
    return rows.sort("session").join_asof(
        begun, on="session", by="security_id", strategy="backward", check_sortedness=False
    )


def statements(kind: Statement, answers: pl.LazyFrame) -> pl.LazyFrame:
    """One row for each publication of an item that changed its value, numbered from 0.

    An answer marked as updated that carries the date of the original has no honest date of its own: it is left out
    where the original is there.
    """
    group = ["security_id", "period_end", "item"]
    published = pl.coalesce(day("f_ann_date"), day("ann_date"))
    items = answers.with_columns(
        security_id=from_suffixed(pl.col("ts_code")), period_end=day("end_date"), published_on=published
    ).unpivot(
        on=list(ITEMS[kind]),
        index=["security_id", "period_end", "published_on", "update_flag"],
        variable_name="field",
        value_name="text",
    )
    told = items.with_columns(item=pl.col("field").replace_strict(ITEMS[kind]), value=number("text")).drop_nulls(
        ["published_on", "value"]
    )
    ordered = told.sort(*group, "published_on", "update_flag", nulls_last=False)
    first_told = ordered.unique([*group, "published_on"], keep="first", maintain_order=True)
    is_news = (pl.col("value") != pl.col("value").shift(1).over(group)).fill_null(True)
    return first_told.filter(is_news).with_columns(
        revision=pl.int_range(pl.len(), dtype=pl.Int32).over(group),
        available_at=STATEMENTS_ARRIVE.known(pl.col("published_on")),
        delivery=pl.lit(f"{kind} ") + pl.col("security_id"),
    )


def float_shares(answers: pl.LazyFrame) -> pl.LazyFrame:
    """A row for each session in which a count of shares differs from the one before."""
    rows = answers.select(
        security_id=from_suffixed(pl.col("ts_code")),
        session=day("trade_date"),
        float_shares=(number("float_share") * TEN_THOUSAND).round(0),
        total_shares=(number("total_share") * TEN_THOUSAND).round(0),
    ).sort("security_id", "session")
    counts = pl.struct("float_shares", "total_shares")
    changed = (counts != counts.shift(1).over("security_id")).fill_null(True)
    return rows.filter(changed).with_columns(
        available_at=SHARES_ARRIVE.known(pl.col("session")), delivery=pl.lit("daily_basic ") + pl.col("security_id")
    )


def index_bars(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Closes of indices."""
    session, index_id = day("trade_date"), from_suffixed(pl.col("ts_code"))
    return answers.select(
        session=session,
        index_id=index_id,
        close=number("close"),
        prev_close=number("pre_close"),
        amount=number("amount") * THOUSAND,
        available_at=SHARES_ARRIVE.known(session),
        delivery=pl.lit("index_daily ") + index_id,
    )


def snapshots(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Members of indices on the days for which tushare has weights: known_from, index_id, security_id, weight."""
    return answers.select(
        known_from=day("trade_date"),
        index_id=from_suffixed(pl.col("index_code")),
        security_id=from_suffixed(pl.col("con_code")),
        weight=number("weight") * PERCENT,
    )


def announcements(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Titles of announcements, at their minute; where there is only a date, the next morning."""
    to_the_second = pl.col("rec_time").str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    return answers.select(
        news_id=pl.coalesce(pl.col("url"), pl.concat_str("ts_code", "ann_date", "title", separator=" ")),
        security_id=from_suffixed(pl.col("ts_code")),
        kind=pl.lit("announcement"),
        title=pl.col("title"),
        body=pl.lit(None, dtype=pl.String),
        available_at=pl.coalesce(
            to_the_second.dt.replace_time_zone(EXCHANGE_TIME_ZONE), LISTS_ARRIVE.known(day("ann_date"))
        ),
        delivery=pl.lit("anns_d ") + from_suffixed(pl.col("ts_code")),
    ).unique("news_id", keep="first", maintain_order=True)
