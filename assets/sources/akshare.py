"""Akshare: A shares of all three exchanges from public web pages, free and without a token, slowly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from assets.sources.vendors import akshare_rows as rows
from assets.sources.vendors.akshare_terminal import Terminal
from assets.sources.vendors.arrival import Arrival
from assets.sources.vendors.asking import Manners
from assets.sources.vendors.grid import grid
from assets.sources.vendors.line import Inquiry, Line
from assets.sources.vendors.raw_cache import Call
from assets.sources.vendors.vendor import VendorSpec
from expectations.facts import RawFloatShares, RawIndexBars, RawIndustries, RawNews
from expectations.tables import RawBars, Table

IndexId = Annotated[str, Field(pattern=r"^(sh|sz)\d{6}$")]
BEFORE = timedelta(days=31)
"""Bars are asked for from so long before they are wanted, since the first needs a close before it."""
A_YEAR = 12


class AkshareSpec(VendorSpec):
    """Bars and dated facts from akshare, for a list of securities.

    Bars come from Eastmoney and factors from Sina. Under special treatment is known by date in Shenzhen alone; for
    other securities `assume_no_st` must say that none is. There is no index universe, since its pages tell today's
    members only, and no statements, since they carry the date of the latest change and not of the first publication.
    """

    kind: Literal["akshare"] = "akshare"
    assume_no_st: bool = Field(False, description="securities of Shanghai and Beijing are never under treatment")
    index_bars: tuple[IndexId, ...] = Field((), description="indices whose closes are wanted, for example sh000300")
    industries: bool = False
    float_shares: bool = False
    announcements: bool = Field(False, description="titles, one question a security and year")
    manners: Manners = Field(Manners(calls_per_minute=15, attempts=4, first_wait=5), exclude=True)

    @model_validator(mode="after")
    def _what_akshare_knows(self) -> Self:
        if not self.securities:
            raise ValueError("`securities` is empty; list at least one")
        undated = [one for one in self.securities if not one.startswith("sz")]
        if undated and not self.assume_no_st:
            raise ValueError(
                f"akshare does not tell when {undated} were under special treatment (ST), only for Shenzhen it does; "
                "take baostock, or accept it with assume_no_st: true"
            )
        return self

    def _beside(self) -> dict[type[Table], object]:
        return {
            RawNews: self.announcements,
            RawIndustries: self.industries,
            RawFloatShares: self.float_shares,
            RawIndexBars: self.index_bars,
        }

    def _client(self) -> Terminal:
        return Terminal()

    def _rows(self, line: Line, table: type[Table], first: date, last: date) -> pl.LazyFrame:
        asked: dict[type[Table], Callable[[], pl.LazyFrame]] = {
            RawBars: lambda: self._bars(line, first, last),
            RawIndexBars: lambda: rows.index_bars(self._index_bars(line, last)),
            RawIndustries: lambda: self._industries(line, last),
            RawFloatShares: lambda: rows.float_shares(
                line.rows([self._shares(one, last) for one in self.securities], rows.SHARE_CHANGE)
            ),
            RawNews: lambda: rows.announcements(line.rows(self._announcements(line, last), rows.ANNOUNCEMENT)),
        }
        return asked[table]()

    def _bars(self, line: Line, first: date, last: date) -> pl.LazyFrame:
        known = self._listings(line, last)
        asked = _whole("tool_trade_date_hist_sina", "all", {}, rows.SESSION, rows.LISTS_ARRIVE, last)
        sessions = line.rows([asked], rows.SESSION).select(session=rows.day("trade_date")).unique()
        listed = grid(sessions, known.lazy(), first - BEFORE, last).collect()
        alive = listed["security_id"].unique().sort().to_list()
        bars = line.rows([one for code in alive for one in self._history(line, code, listed, first, last)], rows.BAR)
        factors = line.rows([_factors(code, last) for code in alive], rows.FACTOR, subject="security_id")
        made = rows.bars(listed.lazy(), bars, factors, self._names(line, known, last))
        return made.filter(pl.col("session") >= first)

    def _listings(self, line: Line, last: date) -> pl.DataFrame:
        """security_id, name, listed_on, delisted_on of the securities.

        raises  ValueError for one that no exchange knows
        """
        wanted = {security_id[:2] for security_id in self.securities}
        parts = []
        for register in rows.REGISTERS:
            if register.exchange in wanted:
                arguments = {"symbol": register.symbol} if register.symbol else {}
                subject = register.symbol or "all"
                asked = _whole(register.endpoint, subject, arguments, register.columns, rows.LISTS_ARRIVE, last)
                parts.append(rows.listings(register, line.rows([asked], register.columns)))
        ours = pl.concat(parts).filter(pl.col("security_id").is_in(self.securities))
        found = ours.unique("security_id", keep="first", maintain_order=True).collect()
        if unknown := sorted(set(self.securities) - set(found["security_id"])):
            raise ValueError(f"no exchange lists {unknown}, nor did one; correct or take them out of `securities`")
        return found

    def _names(self, line: Line, known: pl.DataFrame, last: date) -> pl.LazyFrame:
        shenzhen = known.lazy().filter(pl.col("security_id").str.starts_with("sz"))
        if not any(security_id.startswith("sz") for security_id in self.securities):
            return rows.names(pl.LazyFrame(schema=dict.fromkeys(rows.RENAMING, pl.String)), shenzhen)
        arguments = {"symbol": "简称变更"}
        asked = _whole("stock_info_sz_change_name", "all", arguments, rows.RENAMING, rows.LISTS_ARRIVE, last)
        return rows.names(line.rows([asked], rows.RENAMING), shenzhen)

    def _history(self, line: Line, code: str, listed: pl.DataFrame, first: date, last: date) -> list[Inquiry]:
        endpoint = "stock_zh_a_hist"
        settings = {"period": "daily", "adjust": ""}
        arrived = listed.filter(rows.BARS_ARRIVE.known(pl.col("session")) <= self._clock.now())
        expected = arrived.filter(pl.col("security_id") == code)["session"].sort()
        return [
            Inquiry(
                Call(endpoint, code, span),
                {"symbol": code[2:], "start_date": f"{span[0]:%Y%m%d}", "end_date": f"{span[1]:%Y%m%d}", **settings},
                rows.BAR,
                rows.BARS_ARRIVE,
                rows.BARS_ARRIVE.settled(span[1]),
                may_be_empty=partial(_is_suspended, line, code, expected.filter(expected.is_between(*span))),
            )
            for span in line.cache.spans_to_hold(endpoint, code, first - BEFORE, last, self._today())
        ]

    def _industries(self, line: Line, last: date) -> pl.LazyFrame:
        asked = _whole("stock_industry_clf_hist_sw", "all", {}, rows.INDUSTRY, rows.LISTS_ARRIVE, last)
        told = rows.industries(line.rows([asked], rows.INDUSTRY))
        return told.filter(pl.col("security_id").is_in(self.securities))

    def _index_bars(self, line: Line, last: date) -> pl.LazyFrame:
        asked = [
            _whole("stock_zh_index_daily", one, {"symbol": one}, rows.INDEX_BAR, rows.BARS_ARRIVE, last)
            for one in self.index_bars
        ]
        return line.rows(asked, rows.INDEX_BAR, subject="security_id")

    def _shares(self, code: str, last: date) -> Inquiry:
        days = {"start_date": f"{rows.DAWN:%Y%m%d}", "end_date": f"{self._today():%Y%m%d}"}
        arguments = {"symbol": code[2:], **days}
        return _whole("stock_share_change_cninfo", code, arguments, rows.SHARE_CHANGE, rows.LISTS_ARRIVE, last)

    def _announcements(self, line: Line, last: date) -> list[Inquiry]:
        endpoint = "stock_zh_a_disclosure_report_cninfo"
        return [
            Inquiry(
                Call(endpoint, code, span),
                {"symbol": code[2:], "start_date": f"{span[0]:%Y%m%d}", "end_date": f"{span[1]:%Y%m%d}"},
                rows.ANNOUNCEMENT,
                rows.LISTS_ARRIVE,
                rows.LISTS_ARRIVE.settled(span[1]),
                may_be_empty=lambda: True,
            )
            for code in self.securities
            for span in line.cache.spans_to_hold(endpoint, code, self.first, last, self._today(), A_YEAR)
        ]


def _factors(code: str, last: date) -> Inquiry:
    arguments = {"symbol": code, "adjust": "hfq-factor"}
    return _whole("stock_zh_a_daily", code, arguments, rows.FACTOR, rows.BARS_ARRIVE, last)


def _whole(
    endpoint: str,
    subject: str,
    arguments: dict[str, str],
    columns: tuple[str, ...],
    arrival: Arrival,
    last: date,
) -> Inquiry:
    """A question without a span, whose answer is complete for days up to `last`."""
    return Inquiry(Call(endpoint, subject), arguments, columns, arrival, arrival.settled(last))


def _is_suspended(line: Line, code: str, expected: pl.Series) -> bool:
    """Whether no bar has to be there: no session has passed, or the last that has is one of a suspension."""
    if expected.is_empty():
        return True
    told = line.client.ask("stock_tfp_em", date=f"{expected[-1]:%Y%m%d}")
    return "代码" in told.columns and code[2:] in told["代码"].to_list()
