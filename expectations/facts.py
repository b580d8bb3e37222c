"""Schemas of dated facts: what was published beside the bars, and from which instant on it could be known.

Raw facts are as a source delivers them: nothing is judged, so anything may be null. What holds for a while (an
industry code, an edge of the supply chain) comes as changes, one when it begins and one when it ends, so that no row
tells its own end in advance. `known_on`, the date of `available_at` in exchange time, decides a row's month.
"""

from __future__ import annotations

from typing import ClassVar

import dataframely as dy

from expectations.tables import EXCHANGE_TIME_ZONE, Table, instant


def delivered_number(unit: str) -> dy.Float64:
    """A number as a source delivers it: also one that is none, for cleaning to refuse."""
    return dy.Float64(nullable=True, allow_nan=True, allow_inf=True, metadata={"unit": unit})


class Fact(Table):
    """A row that could be known from `available_at` on, by a decision at that instant or later."""

    dated_by: ClassVar[str] = "known_on"

    known_on = dy.Date(metadata={"definition": "date of available_at, exchange time"})
    available_at = instant("from when on the row could be known")


class RawFact(Table):
    """A fact as a source delivers it."""

    dated_by: ClassVar[str] = "known_on"

    known_on = dy.Date(nullable=True, metadata={"definition": "date of available_at, exchange time"})
    available_at = dy.Datetime(time_zone=EXCHANGE_TIME_ZONE, time_unit="us", nullable=True)
    delivery = dy.String(nullable=True, metadata={"definition": "file, endpoint or generator that the row came from"})


class RawStatements(RawFact):
    """Items of financial statements, one row for each publication of an item; a restatement is a later revision."""

    asset_key: ClassVar[str] = "raw/statements"

    security_id = dy.String(nullable=True)
    period_end = dy.Date(nullable=True, metadata={"definition": "last day of the reported period"})
    item = dy.String(nullable=True, metadata={"definition": "what is reported, for example revenue or net_profit"})
    value = delivered_number("yuan, shares or a fraction, by item")
    revision = dy.Int32(nullable=True, metadata={"definition": "0 for the first publication, 1 for the next"})
    published_on = dy.Date(nullable=True, metadata={"definition": "date of this publication"})


class RawNews(RawFact):
    """Announcements and news to the minute."""

    asset_key: ClassVar[str] = "raw/news"

    news_id = dy.String(nullable=True)
    security_id = dy.String(nullable=True, metadata={"definition": "security it is about, null for the whole market"})
    kind = dy.String(nullable=True, metadata={"definition": "announcement or news"})
    title = dy.String(nullable=True)
    body = dy.String(nullable=True)


class RawPolicyEvents(RawFact):
    """Measures of public policy, one row for each industry that they touch."""

    asset_key: ClassVar[str] = "raw/policy_events"

    event_id = dy.String(nullable=True)
    theme = dy.String(nullable=True)
    industry = dy.String(nullable=True)
    title = dy.String(nullable=True)


class RawSupplyChain(RawFact):
    """Edges from supplier to customer: a row where one becomes known, and one where it is known to have ended."""

    asset_key: ClassVar[str] = "raw/supply_chain"

    supplier_id = dy.String(nullable=True)
    customer_id = dy.String(nullable=True)
    weight = delivered_number("share of the customer's purchases, or its like")
    holds = dy.Bool(nullable=True, metadata={"definition": "true from available_at on; false: no longer"})


class RawIndustries(RawFact):
    """Industry codes of securities, a row for each change."""

    asset_key: ClassVar[str] = "raw/industries"

    security_id = dy.String(nullable=True)
    industry = dy.String(nullable=True)
    holds = dy.Bool(nullable=True, metadata={"definition": "true from available_at on; false: no longer"})


class RawIndexMembers(RawFact):
    """Members of indices, a row for each entry and each removal."""

    asset_key: ClassVar[str] = "raw/index_members"

    index_id = dy.String(nullable=True)
    security_id = dy.String(nullable=True)
    weight = delivered_number("share of the index, null where not told")
    holds = dy.Bool(nullable=True, metadata={"definition": "true from available_at on; false: no longer"})


class RawFloatShares(RawFact):
    """Shares that exist and that can be traded, a row for each change."""

    asset_key: ClassVar[str] = "raw/float_shares"

    security_id = dy.String(nullable=True)
    float_shares = delivered_number("shares")
    total_shares = delivered_number("shares")


class RawIndexBars(Table):
    """Daily closes of indices."""

    asset_key: ClassVar[str] = "raw/index_bars"

    session = dy.Date(nullable=True)
    index_id = dy.String(nullable=True)
    close = delivered_number("index points")
    prev_close = delivered_number("index points")
    amount = delivered_number("yuan")
    available_at = dy.Datetime(time_zone=EXCHANGE_TIME_ZONE, time_unit="us", nullable=True)
    delivery = dy.String(nullable=True)


RAW_FACTS: tuple[type[Table], ...] = (
    RawStatements,
    RawNews,
    RawPolicyEvents,
    RawSupplyChain,
    RawIndustries,
    RawIndexMembers,
    RawFloatShares,
    RawIndexBars,
)
