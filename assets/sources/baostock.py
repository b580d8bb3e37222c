"""Baostock: A shares of Shanghai and Shenzhen, free and without a token, with ST and suspension of each day."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field, model_validator

from assets.sources.vendors.arrival import month_end, months_between
from assets.sources.vendors.asking import Manners
from assets.sources.vendors.baostock_rows import (
    BAR,
    BARS_ARRIVE,
    FACTOR,
    INDEX_BAR,
    INDUSTRY,
    ITEMS,
    LISTING,
    LISTS_ARRIVE,
    MEMBER,
    REPORT,
    Statement,
    float_shares,
    index_bars,
    priced,
    statements,
    with_factors,
)
from assets.sources.vendors.baostock_terminal import Terminal
from assets.sources.vendors.changes import changes
from assets.sources.vendors.codes import board, dotted, from_dotted
from assets.sources.vendors.index_universe import IndexUniverseSpec
from assets.sources.vendors.line import Inquiry, Line
from assets.sources.vendors.raw_cache import Call
from expectations.facts import RawFloatShares, RawIndexBars, RawIndexMembers, RawIndustries, RawStatements
from expectations.tables import RawBars, Table

FACTORS_BEGIN = date(1990, 12, 1)
STATEMENTS_BEGIN = date(2007, 1, 1)
UNPUBLISHED_DAYS = 400
"""A quarter without a statement so long after its end is taken to have none."""
INDICES = {"sz50": "sh000016", "hs300": "sh000300", "zz500": "sh000905"}

Index = Literal["sz50", "hs300", "zz500"]
IndexId = Annotated[str, Field(pattern=r"^(sh|sz)\d{6}$")]


class BaostockSpec(IndexUniverseSpec):
    """Bars and dated facts from baostock.

    The securities are listed, or they are all that were members of `index` at the start of a month of the span, so
    that none is left out by what became of it; who was a member when is in raw/index_members.
    """

    kind: Literal["baostock"] = "baostock"
    index: Index | None = Field(None, description="in the place of `securities`")
    index_bars: tuple[IndexId, ...] = Field((), description="indices whose closes are wanted, for example sh000300")
    industries: bool = Field(False, description="industry codes, asked for once a month")
    statements: tuple[Statement, ...] = Field((), description="each costs one question a security and quarter")
    manners: Manners = Field(Manners(calls_per_minute=300), exclude=True)

    @model_validator(mode="after")
    def _none_of_beijing(self) -> Self:
        if foreign := [one for one in self.securities if one.startswith("bj")]:
            raise ValueError(
                f"baostock has no shares of the Beijing exchange: {foreign}; take them out of `securities`"
            )
        return self

    def _beside(self) -> dict[type[Table], object]:
        return {
            RawStatements: self.statements,
            RawFloatShares: "profit" in self.statements,
            RawIndustries: self.industries,
            RawIndexMembers: self.index,
            RawIndexBars: self.index_bars,
        }

    def _client(self) -> Terminal:
        return Terminal()

    def _rows(self, line: Line, table: type[Table], first: date, last: date) -> pl.LazyFrame:
        asked: dict[type[Table], Callable[[], pl.LazyFrame]] = {
            RawBars: lambda: self._bars(line, first, last),
            RawIndexBars: lambda: self._index_bars(line, first, last),
            RawStatements: lambda: statements(self._reports(line, last)),
            RawFloatShares: lambda: float_shares(self._reports(line, last, only="profit")),
            RawIndustries: lambda: self._industries(line, last),
            RawIndexMembers: lambda: self._index_members(line, last),
        }
        return asked[table]()

    def _bars(self, line: Line, first: date, last: date) -> pl.LazyFrame:
        listings = self._listings(line, last)
        bars = line.rows(self._bar_inquiries(line, listings, first, last), BAR)
        factors = line.rows(self._factor_inquiries(line, last), FACTOR)
        known = listings.select("security_id", "listed_on").lazy()
        rows = with_factors(priced(bars), factors).join(known, on="security_id", how="left")
        return rows.with_columns(
            board=board(pl.col("security_id")),
            available_at=BARS_ARRIVE.known(pl.col("session")),
            delivery=pl.lit("query_history_k_data_plus ") + pl.col("security_id"),
            is_unreformed=pl.lit(None, dtype=pl.Boolean),
            source_objection=pl.lit(None, dtype=pl.String),
        )

    def _listings(self, line: Line, last: date) -> pl.DataFrame:
        """security_id, listed_on, delisted_on of the securities.

        raises  ValueError for one that baostock does not know
        """
        whole = Inquiry(Call("query_stock_basic", "all"), {}, LISTING, LISTS_ARRIVE, LISTS_ARRIVE.settled(last))
        rows = line.rows([whole], LISTING).select(
            security_id=from_dotted(pl.col("code")),
            listed_on=pl.col("ipoDate").str.to_date(strict=False),
            delisted_on=pl.col("outDate").str.to_date(strict=False),
        )
        wanted = self._universe(line, last)
        found = rows.filter(pl.col("security_id").is_in(wanted)).collect()
        if unknown := sorted(set(wanted) - set(found["security_id"])):
            raise ValueError(f"baostock knows no security {unknown}; correct or take them out of `securities`")
        return found.sort("security_id")

    def _bar_inquiries(self, line: Line, listings: pl.DataFrame, first: date, last: date) -> list[Inquiry]:
        asked = []
        for security_id, listed_on, delisted_on in listings.iter_rows():
            alive_from, alive_to = max(first, listed_on or first), min(last, delisted_on or last)
            asked += self._history(line, security_id, BAR, alive_from, alive_to)
        return asked

    def _history(self, line: Line, code: str, columns: Sequence[str], first: date, last: date) -> list[Inquiry]:
        fields = {"fields": ",".join(columns), "frequency": "d", "adjustflag": "3"}
        endpoint = "query_history_k_data_plus"
        return [
            Inquiry(
                Call(endpoint, code, span),
                {"code": dotted(code), "start_date": str(span[0]), "end_date": str(span[1]), **fields},
                tuple(columns),
                BARS_ARRIVE,
                BARS_ARRIVE.settled(span[1]),
                may_be_empty=partial(self._has_no_session, line, max(span[0], first), min(span[1], last)),
            )
            for span in line.cache.spans_to_hold(endpoint, code, first, last, self._today())
        ]

    def _has_no_session(self, line: Line, first: date, last: date) -> bool:
        """Whether no bar from first to last can be there by now, by baostock's own calendar."""
        question = {"start_date": str(first), "end_date": str(last)}
        answer = line.client.ask("query_trade_dates", **question)
        sessions = answer.filter(pl.col("is_trading_day") == "1")["calendar_date"].str.to_date()
        return not any(BARS_ARRIVE.of(session) <= self._clock.now() for session in sessions)

    def _factor_inquiries(self, line: Line, last: date) -> list[Inquiry]:
        """Ex-right days since the exchange began; most months have none, so an empty answer is a true one."""
        endpoint, today = "query_adjust_factor", self._today()
        return [
            Inquiry(
                Call(endpoint, security_id, span),
                {"code": dotted(security_id), "start_date": str(span[0]), "end_date": str(span[1])},
                FACTOR,
                BARS_ARRIVE,
                BARS_ARRIVE.settled(span[1]),
                may_be_empty=lambda: True,
            )
            for security_id in self._universe(line, last)
            for span in line.cache.spans_to_hold(endpoint, security_id, FACTORS_BEGIN, last, today)
        ]

    def _index_bars(self, line: Line, first: date, last: date) -> pl.LazyFrame:
        asked = [one for index in self.index_bars for one in self._history(line, index, INDEX_BAR, first, last)]
        return index_bars(line.rows(asked, INDEX_BAR))

    def _reports(self, line: Line, last: date, only: Statement | None = None) -> list[pl.LazyFrame]:
        """Rows of each kind of statement: code, pubDate, statDate and its items, as text."""
        kinds = [only] if only else self.statements
        universe = self._universe(line, last)
        return [line.rows(self._report_inquiries(kind, universe, last), (*REPORT, *ITEMS[kind])) for kind in kinds]

    def _report_inquiries(self, kind: Statement, universe: Sequence[str], last: date) -> list[Inquiry]:
        endpoint = f"query_{kind}_data"
        return [
            Inquiry(
                Call(endpoint, f"{security_id}.{end.year}Q{end.month // 3}"),
                {"code": dotted(security_id), "year": end.year, "quarter": end.month // 3},
                (*REPORT, *ITEMS[kind]),
                LISTS_ARRIVE,
                LISTS_ARRIVE.settled(end + timedelta(days=UNPUBLISHED_DAYS)),
                may_be_empty=lambda: True,
                final=True,
            )
            for security_id in universe
            for end in _quarter_ends(self.first, last)
        ]

    def _snapshots(self, line: Line, last: date) -> pl.LazyFrame:
        """Members of the index at the start of each month: known_from, index_id, security_id."""
        asked = self._monthly(f"query_{self.index}_stocks", MEMBER, last)
        return self._as_of(line, asked).select(
            "known_from",
            index_id=pl.lit(INDICES[self.index or "hs300"]),
            security_id=from_dotted(pl.col("code")),
        )

    def _index_members(self, line: Line, last: date) -> pl.LazyFrame:
        told = changes(self._snapshots(line, last).collect(), "index_id", ["security_id"], [])
        return told.lazy().with_columns(
            available_at=LISTS_ARRIVE.known(pl.col("known_from")),
            weight=pl.lit(None, dtype=pl.Float64),
            delivery=pl.lit(f"query_{self.index}_stocks"),
        )

    def _industries(self, line: Line, last: date) -> pl.LazyFrame:
        snapshots = self._as_of(line, self._monthly("query_stock_industry", INDUSTRY, last)).select(
            "known_from", group=pl.lit("all"), security_id=from_dotted(pl.col("code")), industry=pl.col("industry")
        )
        ours = snapshots.filter(pl.col("industry") != "", pl.col("security_id").is_in(self._universe(line, last)))
        told = changes(ours.collect(), "group", ["security_id", "industry"], [])
        available_at = LISTS_ARRIVE.known(pl.col("known_from"))
        return told.lazy().with_columns(available_at=available_at, delivery=pl.lit("query_stock_industry"))

    def _monthly(self, endpoint: str, columns: tuple[str, ...], last: date) -> list[Inquiry]:
        """The same question at the start of each month of the span."""
        days = [max(month, self.first) for month in months_between(self.first, last)]
        return [
            Inquiry(Call(endpoint, str(day)), {"date": str(day)}, columns, LISTS_ARRIVE, LISTS_ARRIVE.settled(day))
            for day in days
        ]

    def _as_of(self, line: Line, asked: Sequence[Inquiry]) -> pl.LazyFrame:
        """Answers with `known_from`: the day asked for, or the vendor's later update where it had no older list."""
        parts = []
        for one in asked:
            day = pl.lit(date.fromisoformat(one.call.subject))
            updated = pl.col("updateDate").str.to_date(strict=False)
            parts.append(line.rows([one], one.columns).with_columns(known_from=pl.max_horizontal(day, updated.max())))
        return pl.concat(parts)


def _quarter_ends(first: date, last: date) -> list[date]:
    """Ends of the quarters whose statements may be known in the span: from five before it."""
    start = max(first - timedelta(days=460), STATEMENTS_BEGIN)
    ends = [month_end(month) for month in months_between(start, last) if month.month % 3 == 0]
    return [end for end in ends if end < last]
