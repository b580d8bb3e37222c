"""Akshare rows: what akshare's functions answer, in our columns and units.

Its pages document no time of arrival. A bar is there some minutes after the close and is taken as known at 17:00;
what has a date only, from 00:30 of the next day. Volume comes in lots of 100 shares, share counts in ten thousands.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

import polars as pl

from assets.sources.vendors.arrival import Arrival
from assets.sources.vendors.codes import board, from_digits
from assets.sources.vendors.grid import with_strays
from assets.sources.vendors.vendor import number
from expectations.tables import EXCHANGE_TIME_ZONE

BARS_ARRIVE = Arrival(time(17))
LISTS_ARRIVE = Arrival(time(0, 30), days_later=1, weekends=True)
LOT, TEN_THOUSAND = 100, 10_000
DAWN = date(1990, 12, 1)

BAR = ("日期", "股票代码", "开盘", "收盘", "最高", "最低", "成交量", "成交额")
FACTOR = ("date", "hfq_factor")
SESSION = ("trade_date",)
INDEX_BAR = ("date", "close")
RENAMING = ("变更日期", "证券代码", "变更前简称", "变更后简称")
INDUSTRY = ("symbol", "start_date", "industry_code", "update_time")
SHARE_CHANGE = ("证券代码", "公告日期", "变动日期", "总股本", "人民币普通股")
ANNOUNCEMENT = ("代码", "公告标题", "公告时间", "公告链接")
SUSPENSION = ("代码",)


@dataclass(frozen=True)
class Register:
    """A list of securities that an exchange publishes: the function, its argument, and the names of its columns."""

    exchange: str
    endpoint: str
    symbol: str | None
    code: str
    name: str
    listed_on: str
    delisted_on: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that are read."""
        held = (self.code, self.name, self.listed_on, self.delisted_on)
        return tuple(one for one in held if one)


REGISTERS = (
    Register("sh", "stock_info_sh_name_code", "主板A股", "证券代码", "证券简称", "上市日期"),
    Register("sh", "stock_info_sh_name_code", "科创板", "证券代码", "证券简称", "上市日期"),
    Register("sh", "stock_info_sh_delist", "全部", "公司代码", "公司简称", "上市日期", "暂停上市日期"),
    Register("sz", "stock_info_sz_name_code", "A股列表", "A股代码", "A股简称", "A股上市日期"),
    Register("sz", "stock_info_sz_delist", "终止上市公司", "证券代码", "证券简称", "上市日期", "终止上市日期"),
    Register("bj", "stock_info_bj_name_code", None, "证券代码", "证券简称", "上市日期"),
)


def day(name: str) -> pl.Expr:
    """A column of dates written 2020-01-31, with or without a time; null where it holds none."""
    return pl.col(name).str.slice(0, 10).str.to_date(strict=False)


def listings(register: Register, answers: pl.LazyFrame) -> pl.LazyFrame:
    """security_id, name, listed_on, delisted_on (null while listed)."""
    return answers.select(
        security_id=pl.lit(register.exchange) + pl.col(register.code).str.zfill(6),
        name=pl.col(register.name),
        listed_on=day(register.listed_on),
        delisted_on=day(register.delisted_on) if register.delisted_on else pl.lit(None, dtype=pl.Date),
    )


def names(renamings: pl.LazyFrame, known: pl.LazyFrame) -> pl.LazyFrame:
    """Names of Shenzhen's securities by the day from which each holds: security_id, session, name.

    known  as `listings` gives them; a security that was never renamed has had its present name always
    """
    dated = renamings.select(
        security_id=pl.lit("sz") + pl.col("证券代码").str.zfill(6),
        session=day("变更日期"),
        before=pl.col("变更前简称"),
        name=pl.col("变更后简称"),
    ).sort("security_id", "session", maintain_order=True)
    first = dated.group_by("security_id").agg(pl.col("before").first().alias("name"))
    never = known.select("security_id", "name").join(dated, on="security_id", how="anti")
    opening = pl.concat([first, never]).with_columns(session=pl.lit(DAWN))
    columns = ["security_id", "session", "name"]
    return pl.concat([opening.select(columns), dated.select(columns)]).sort("session", maintain_order=True)


def bars(listed: pl.LazyFrame, answers: pl.LazyFrame, factors: pl.LazyFrame, dated_names: pl.LazyFrame) -> pl.LazyFrame:
    """A row for every session in which a security was listed; one without a bar is taken for suspended.

    listed   session, security_id, listed_on
    factors  date, hfq_factor, security_id
    `prev_close`, which the pages do not have, is the last close carried over by the factor, to the cent.
    """
    key = ["session", "security_id"]
    traded = answers.select(
        session=day("日期"),
        security_id=from_digits(pl.col("股票代码")),
        open=number("开盘"),
        high=number("最高"),
        low=number("最低"),
        close=number("收盘"),
        volume=number("成交量") * LOT,
        amount=number("成交额"),
    ).unique(key, keep="first", maintain_order=True)
    carried = (pl.col("close") * pl.col("adj_factor")).shift(1).over("security_id")
    priced = (
        with_factors(traded, factors)
        .sort("security_id", "session")
        .with_columns(prev_close=(carried / pl.col("adj_factor")).round(2))
    )
    rows = with_names(with_strays(listed, priced), dated_names)
    is_suspended = pl.col("close").is_null()
    return rows.with_columns(
        is_suspended=is_suspended,
        volume=pl.when(is_suspended).then(0.0).otherwise("volume"),
        amount=pl.when(is_suspended).then(0.0).otherwise("amount"),
        is_st=pl.when(pl.col("security_id").str.starts_with("sz")).then("is_st").otherwise(False),
        board=board(pl.col("security_id")),
        is_unreformed=pl.lit(None, dtype=pl.Boolean),
        source_objection=pl.lit(None, dtype=pl.String),
        available_at=BARS_ARRIVE.known(pl.col("session")),
        delivery=pl.lit("stock_zh_a_hist ") + pl.col("security_id"),
    )


def with_factors(traded: pl.LazyFrame, factors: pl.LazyFrame) -> pl.LazyFrame:
    """Bars with the factor of the last ex-right day up to the session."""
    dated = (
        factors.select("security_id", session=day("date"), adj_factor=number("hfq_factor")).drop_nulls().sort("session")
    )
    return traded.sort("session").join_asof(
        dated, on="session", by="security_id", strategy="backward", check_sortedness=False
    )


def with_names(rows: pl.LazyFrame, dated_names: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with `is_st`: whether the name in force that session says so; null where no name is known."""
    told = dated_names.select("security_id", "session", is_st=pl.col("name").str.contains("ST", literal=True))
    return rows.sort("session").join_asof(
        told, on="session", by="security_id", strategy="backward", check_sortedness=False
    )


def index_bars(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Closes of indices; the page has no amount.

    answers  date, close, security_id (of the index)
    """
    session = day("date")
    rows = answers.select(index_id="security_id", session=session, close=number("close")).sort("index_id", "session")
    return rows.with_columns(
        prev_close=pl.col("close").shift(1).over("index_id"),
        amount=pl.lit(None, dtype=pl.Float64),
        available_at=BARS_ARRIVE.known(pl.col("session")),
        delivery=pl.lit("stock_zh_index_daily ") + pl.col("index_id"),
    )


def industries(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Shenwan's codes; one is known from when it holds or, where that is later, from when the list was updated."""
    known_from = pl.max_horizontal(day("start_date"), day("update_time"))
    rows = answers.select(
        security_id=from_digits(pl.col("symbol")),
        industry=pl.col("industry_code"),
        begins_on=day("start_date"),
        known_from=known_from,
    ).drop_nulls()
    ordered = rows.sort("security_id", "known_from", "begins_on", maintain_order=True)
    last = ordered.unique(["security_id", "known_from"], keep="last", maintain_order=True)
    before = pl.col("industry").shift(1).over("security_id")
    changed = last.with_columns(before=before).filter((pl.col("industry") != pl.col("before")).fill_null(True))
    begun = changed.select("security_id", "industry", "known_from", holds=pl.lit(True))
    ended = changed.drop_nulls("before").select("security_id", "known_from", industry="before", holds=pl.lit(False))
    return pl.concat([begun, ended], how="diagonal").with_columns(
        available_at=LISTS_ARRIVE.known(pl.col("known_from")), delivery=pl.lit("stock_industry_clf_hist_sw")
    )


def float_shares(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Changes of shares, known when announced or, where that is later, when they take effect."""
    known_from = pl.max_horizontal(day("公告日期"), day("变动日期"))
    security_id = from_digits(pl.col("证券代码"))
    return answers.select(
        security_id=security_id,
        float_shares=(number("人民币普通股") * TEN_THOUSAND).round(0),
        total_shares=(number("总股本") * TEN_THOUSAND).round(0),
        available_at=LISTS_ARRIVE.known(known_from),
        delivery=pl.lit("stock_share_change_cninfo ") + security_id,
    )


def announcements(answers: pl.LazyFrame) -> pl.LazyFrame:
    """Titles of announcements; midnight means that only the date is told, and then the next day is taken."""
    told = pl.col("公告时间").str.slice(0, 19)
    moment = told.str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    timed = pl.when(moment.dt.time() != time(0)).then(moment).dt.replace_time_zone(EXCHANGE_TIME_ZONE)
    security_id = from_digits(pl.col("代码"))
    return answers.select(
        news_id=pl.col("公告链接"),
        security_id=security_id,
        kind=pl.lit("announcement"),
        title=pl.col("公告标题"),
        body=pl.lit(None, dtype=pl.String),
        available_at=pl.coalesce(timed, LISTS_ARRIVE.known(day("公告时间"))),
        delivery=pl.lit("stock_zh_a_disclosure_report_cninfo ") + security_id,
    ).unique("news_id", keep="first", maintain_order=True)
