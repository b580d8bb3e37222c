"""Tushare: A shares of all three exchanges with dated statements and announcements, for a token with points."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import partial
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from assets.sources.vendors import tushare_rows as rows
from assets.sources.vendors.arrival import month_end, months_between
from assets.sources.vendors.asking import Manners
from assets.sources.vendors.changes import changes
from assets.sources.vendors.codes import from_suffixed, suffixed
from assets.sources.vendors.grid import grid
from assets.sources.vendors.index_universe import IndexUniverseSpec
from assets.sources.vendors.line import Inquiry, Line
from assets.sources.vendors.raw_cache import Call, Span
from assets.sources.vendors.tushare_terminal import Terminal
from expectations.facts import RawFloatShares, RawIndexBars, RawIndexMembers, RawNews, RawStatements
from expectations.tables import RawBars, Table

IndexId = Annotated[str, Field(pattern=r"^(sh|sz)\d{6}$")]
STATUSES = {"L": "listed", "D": "delisted", "P": "paused"}
EXCHANGE = "SSE"
REPORTS_BEFORE = timedelta(days=460)
"""So long before the span statements are asked for: five quarters, which were known when it begins."""


class TushareSpec(IndexUniverseSpec):
    """Bars and dated facts from tushare; the token is read from TUSHARE_TOKEN and kept nowhere.

    The securities are listed, or they are all that were members of `index` in the span, so that none is left out by
    what became of it; who was a member when is in raw/index_members. Industry codes are not offered: tushare dates
    them back to before the classification existed.
    """

    kind: Literal["tushare"] = "tushare"
    index: IndexId | None = Field(None, description="in the place of `securities`, for example sh000300")
    index_bars: tuple[IndexId, ...] = Field((), description="indices whose closes are wanted")
    statements: tuple[rows.Statement, ...] = ()
    float_shares: bool = False
    announcements: bool = Field(False, description="needs a right of its own; titles, to the minute")
    manners: Manners = Field(Manners(calls_per_minute=180, first_wait=5), exclude=True)

    def _beside(self) -> dict[type[Table], object]:
        return {
            RawStatements: self.statements,
            RawFloatShares: self.float_shares,
            RawNews: self.announcements,
            RawIndexMembers: self.index,
            RawIndexBars: self.index_bars,
        }

    def _client(self) -> Terminal:
        return Terminal()

    def _rows(self, line: Line, table: type[Table], first: date, last: date) -> pl.LazyFrame:
        asked: dict[type[Table], Callable[[], pl.LazyFrame]] = {
            RawBars: lambda: self._bars(line, first, last),
            RawStatements: lambda: self._statements(line, last),
            RawIndexMembers: lambda: self._index_members(line, last),
            RawIndexBars: lambda: rows.index_bars(self._answers(line, rows.INDEX_BARS, self.index_bars, first, last)),
            RawFloatShares: lambda: rows.float_shares(
                self._answers(line, rows.SHARES, self._universe(line, last), self.first, last)
            ),
            RawNews: lambda: rows.announcements(
                self._answers(line, rows.TITLES, self._universe(line, last), self.first, last)
            ),
        }
        return asked[table]()

    def _bars(self, line: Line, first: date, last: date) -> pl.LazyFrame:
        sessions, listings = self._sessions(line, first, last), self._listings(line, last)
        listed = grid(sessions, listings, first, last).collect()
        securities = listed["security_id"].unique().sort().to_list()
        halts = rows.suspensions(self._answers(line, rows.HALTS, securities, first, last)).collect()
        arrived = listed.filter(rows.BARS_ARRIVE.known(pl.col("session")) <= self._clock.now())
        expected = arrived.join(halts, on=["session", "security_id"], how="anti")
        bars = self._answers(line, rows.BARS, securities, first, last, expected)
        factors = self._answers(line, rows.FACTORS, securities, first, last, expected)
        names = line.rows(
            [self._whole(line, rows.NAMES, one, suffixed(one), last) for one in securities], rows.NAMES.columns
        )
        return rows.bars(listed.lazy(), bars, factors, halts.lazy(), names)

    def _sessions(self, line: Line, first: date, last: date) -> pl.LazyFrame:
        answers = self._answers(line, rows.SESSIONS, [EXCHANGE], first, last, _any_day(first, last))
        open_days = answers.filter(pl.col("is_open").str.starts_with("1"))
        return open_days.select(session=rows.day("cal_date")).unique().sort("session")

    def _listings(self, line: Line, last: date) -> pl.LazyFrame:
        """security_id, listed_on, delisted_on of the securities.

        raises  ValueError for one that tushare does not know
        """
        asked = [self._whole(line, rows.LISTINGS, name, status, last) for status, name in STATUSES.items()]
        known = line.rows(asked, rows.LISTINGS.columns).select(
            security_id=from_suffixed(pl.col("ts_code")),
            listed_on=rows.day("list_date"),
            delisted_on=rows.day("delist_date"),
        )
        wanted = self._universe(line, last)
        found = known.filter(pl.col("security_id").is_in(wanted)).unique("security_id", keep="first").collect()
        if unknown := sorted(set(wanted) - set(found["security_id"])):
            raise ValueError(f"tushare knows no security {unknown}; correct or take them out of `securities`")
        return found.lazy()

    def _statements(self, line: Line, last: date) -> pl.LazyFrame:
        """All publications up to a year before the span, so that restatements are numbered alike in every read."""
        first, securities = self.first - REPORTS_BEFORE, self._universe(line, last)
        parts = [
            rows.statements(kind, self._answers(line, rows.REPORTS[kind], securities, first, last))
            for kind in self.statements
        ]
        return pl.concat(parts, how="diagonal")

    def _snapshots(self, line: Line, last: date) -> pl.LazyFrame:
        """Members and weights of the index on the days for which tushare has them."""
        index = str(self.index)
        answers = self._answers(line, rows.WEIGHTS, [index], self.first, last, _past_months(index, self.first, last))
        return rows.snapshots(answers)

    def _index_members(self, line: Line, last: date) -> pl.LazyFrame:
        told = changes(self._snapshots(line, last).collect(), "index_id", ["security_id"], ["weight"])
        available_at = rows.LISTS_ARRIVE.known(pl.col("known_from"))
        return told.lazy().with_columns(available_at=available_at, delivery=pl.lit(f"index_weight {self.index}"))

    def _answers(
        self,
        line: Line,
        endpoint: rows.Endpoint,
        subjects: Sequence[str],
        first: date,
        last: date,
        expected: pl.DataFrame | None = None,
    ) -> pl.LazyFrame:
        """Answers about each subject by spans of months.

        expected  columns session and security_id: rows without which an answer cannot be empty; left out, any can be
        """
        today, name = self._today(), endpoint.name
        asked = [
            Inquiry(
                Call(name, subject, span),
                {
                    endpoint.code: subject if subject == EXCHANGE else suffixed(subject),
                    "start_date": f"{span[0]:%Y%m%d}",
                    "end_date": f"{span[1]:%Y%m%d}",
                    "fields": ",".join(endpoint.columns),
                },
                endpoint.columns,
                endpoint.arrival,
                endpoint.arrival.settled(span[1]),
                may_be_empty=partial(_none_expected, expected, subject, span),
            )
            for subject in subjects
            for span in line.cache.spans_to_hold(name, subject, first, last, today, endpoint.longest)
        ]
        return line.rows(asked, endpoint.columns)

    def _whole(self, line: Line, endpoint: rows.Endpoint, subject: str, code: str, last: date) -> Inquiry:
        """A question without a span, whose answer is complete for days up to `last`."""
        return Inquiry(
            Call(endpoint.name, subject),
            {endpoint.code: code, "fields": ",".join(endpoint.columns)},
            endpoint.columns,
            endpoint.arrival,
            endpoint.arrival.settled(last),
            may_be_empty=lambda: subject == STATUSES["P"],
        )


def _none_expected(expected: pl.DataFrame | None, subject: str, span: Span) -> bool:
    """Whether no row of a subject has to be in a span."""
    if expected is None:
        return True
    return expected.filter(pl.col("security_id") == subject, pl.col("session").is_between(*span)).is_empty()


def _any_day(first: date, last: date) -> pl.DataFrame:
    """The calendar has a row for every day."""
    days = pl.date_range(first, last, eager=True)
    return pl.DataFrame({"session": days}).with_columns(security_id=pl.lit(EXCHANGE))


def _past_months(index: str, first: date, last: date) -> pl.DataFrame:
    """Weights come once a month at least, so every month that is over must have some."""
    over = [month for month in months_between(first, last) if month_end(month) < last]
    return pl.DataFrame({"session": pl.Series(over, dtype=pl.Date)}).with_columns(security_id=pl.lit(index))
