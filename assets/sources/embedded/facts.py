"""Market facts: the information beside the bars, from its draws to what it foretells and to its raw tables."""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl

from assets.sources.embedded.announcements import COLUMNS, notices, reports
from assets.sources.embedded.bars import Tape
from assets.sources.embedded.events import Events
from assets.sources.embedded.indices import Indices, make_indices
from assets.sources.embedded.industries import Industries
from assets.sources.embedded.listings import Listings
from assets.sources.embedded.news import News, NewsLaw, draw_news
from assets.sources.embedded.policy import Policy, draw_policy
from assets.sources.embedded.shares import float_shares
from assets.sources.embedded.statements import Statements, draw_statements
from assets.sources.embedded.streams import Streams
from assets.sources.embedded.supply_chain import SupplyChain, draw_supply_chain
from assets.sources.embedded.volume import Companies
from assets.sources.embedded.wording import POLICY_NEWS, company_names
from expectations.facts import (
    RawFloatShares,
    RawIndexBars,
    RawIndexMembers,
    RawIndustries,
    RawNews,
    RawPolicyEvents,
    RawStatements,
    RawSupplyChain,
)
from expectations.tables import Table


@dataclass(frozen=True)
class Information:
    """What is told about securities and drawn before any price is made."""

    statements: Statements
    news: News
    policy: Policy
    supply_chain: SupplyChain


def draw_information(
    streams: Streams,
    sessions: tuple[date, ...],
    listings: Listings,
    companies: Companies,
    industries: int,
    law: NewsLaw,
) -> Information:
    """All facts of a market."""
    cap_S = companies.price_S * companies.total_shares_S
    return Information(
        draw_statements(streams, sessions, cap_S),
        draw_news(streams, sessions, len(cap_S), law),
        draw_policy(streams, sessions, industries),
        draw_supply_chain(streams, sessions, listings),
    )


@dataclass(frozen=True)
class Facts:
    """The raw tables beside the bars, made when they are first asked for."""

    streams: Streams
    tape: Tape
    events: Events
    companies: Companies
    industries: Industries
    information: Information

    def read(self, table: type[Table], first: date, last: date) -> pl.DataFrame:
        """Rows of a table from first to last; facts known before the market's span come with its first date."""
        if table is RawIndexBars:
            return self._indices.bars(first, last)
        start, end = self.tape.sessions[0], self.tape.sessions[-1]
        told = self._told[table]
        return told().filter(pl.col("known_on").clip(lower_bound=start).is_between(first, min(last, end)))

    @property
    def _told(self) -> dict[type[Table], Callable[[], pl.DataFrame]]:
        return {
            RawStatements: lambda: self._statements,
            RawNews: lambda: self._news,
            RawPolicyEvents: lambda: self._policy,
            RawSupplyChain: lambda: self._supply_chain,
            RawIndustries: lambda: self._industries,
            RawIndexMembers: lambda: self._members,
            RawFloatShares: lambda: self._shares,
        }

    @cached_property
    def _statements(self) -> pl.DataFrame:
        rows = self.information.statements.table(self.tape.sessions, self.tape.listings)
        return rows.filter(pl.col("known_on") <= self.tape.sessions[-1])

    @cached_property
    def _policy(self) -> pl.DataFrame:
        return self.information.policy.table()

    @cached_property
    def _supply_chain(self) -> pl.DataFrame:
        return self.information.supply_chain.table(self.tape.sessions, self.tape.listings)

    @cached_property
    def _industries(self) -> pl.DataFrame:
        return self.industries.table(self.tape.sessions, self.tape.listings)

    @cached_property
    def _members(self) -> pl.DataFrame:
        return self._indices.members()

    @cached_property
    def _shares(self) -> pl.DataFrame:
        return float_shares(self.streams, self.tape, self.companies)

    @cached_property
    def _indices(self) -> Indices:
        return make_indices(self.tape, self.companies.float_shares_S)

    @cached_property
    def _news(self) -> pl.DataFrame:
        tape = self.tape
        names = company_names(len(tape.listings.securities))
        named = pl.DataFrame(
            {"security_id": tape.listings.securities, "listed_on": tape.listings.listed_on, "name": names}
        )
        about_policy = self._policy.group_by("event_id", maintain_order=True).first().select(
            "known_on", "available_at", pl.lit(None, dtype=pl.String).alias("security_id"), kind=pl.lit("news"),
            title=pl.format(POLICY_NEWS, "title"), body="title",
        )  # fmt: skip
        parts = (
            self.information.news.table(tape.listings, names, tape.sessions),
            reports(self._statements, named),
            notices(tape.sessions, tape.listings, self.events, names),
            about_policy,
        )
        rows = pl.concat([part.select(COLUMNS) for part in parts]).sort("available_at", "security_id", "title")
        number = pl.int_range(pl.len()).cast(pl.String).str.zfill(7)
        return rows.select(
            "known_on", "available_at", pl.lit("synthetic_market").alias("delivery"),
            pl.format("news-{}", number).alias("news_id"), "security_id", "kind", "title", "body",
        ).select(RawNews.column_names())  # fmt: skip
