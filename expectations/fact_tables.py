"""Schemas of the admitted facts: what the raw ones become once every row has been judged.

A change table (`holds`) has one row when something begins to hold and one when it ends; what holds at an instant is
read with `assets.cleaning.as_of.holding`. No table has a primary key in the sense of the bars: a key may come back with
a later revision or change, and the rules below say which columns tell two rows apart.
"""

from __future__ import annotations

from typing import ClassVar

import dataframely as dy
import polars as pl

from expectations.facts import Fact
from expectations.tables import Table, instant

NEWS_KINDS = ("announcement", "news")
ORIGINS = ("reported", "proxy")
WEIGHTINGS = ("source", "float_shares", "trailing_amount", "mixed")


def _one_of(*allowed: str) -> dy.String:
    return dy.String(check=lambda column: column.is_in(allowed), metadata={"definition": " or ".join(allowed)})


class Statements(Fact):
    """Items of financial statements, one row for each publication of an item."""

    asset_key: ClassVar[str] = "cleaning/statements"

    security_id = dy.String()
    period_end = dy.Date(metadata={"definition": "last day of the reported quarter"})
    item = dy.String(min_length=1)
    value = dy.Float64(metadata={"unit": "yuan, shares or a fraction, by item"})
    revision = dy.Int32(min=0, metadata={"definition": "0 for the first publication, 1 for the next"})
    published_on = dy.Date(metadata={"definition": "date of this publication, or the legal deadline"})
    is_deadline_assumed = dy.Bool(metadata={"definition": "no date was delivered: published_on is the legal deadline"})

    @dy.rule()
    def one_row_for_each_revision(cls) -> pl.Expr:  # noqa: N805
        """A revision is published once."""
        return pl.len().over("security_id", "period_end", "item", "revision") == 1

    @dy.rule()
    def a_period_is_over_before_it_is_reported(cls) -> pl.Expr:  # noqa: N805
        """Nothing is published on a period that lasts."""
        return pl.col("published_on") > pl.col("period_end")

    @dy.rule()
    def nothing_is_known_before_it_is_published(cls) -> pl.Expr:  # noqa: N805
        """The date of publication is not later than that of knowledge."""
        return pl.col("published_on") <= pl.col("known_on")


class News(Fact):
    """Announcements and news, one row for each security that one is about."""

    asset_key: ClassVar[str] = "cleaning/news"

    news_id = dy.String()
    security_id = dy.String(nullable=True, metadata={"definition": "security it is about, null for the whole market"})
    kind = _one_of(*NEWS_KINDS)
    title = dy.String(min_length=1)
    body = dy.String(nullable=True)

    @dy.rule()
    def one_row_for_each_security(cls) -> pl.Expr:  # noqa: N805
        """A piece is told of a security once."""
        return pl.len().over("news_id", "security_id") == 1


class PolicyEvents(Fact):
    """Measures of public policy, one row for each industry that they touch."""

    asset_key: ClassVar[str] = "cleaning/policy_events"

    event_id = dy.String()
    theme = dy.String(min_length=1)
    industry = dy.String()
    title = dy.String(min_length=1)

    @dy.rule()
    def one_row_for_each_industry(cls) -> pl.Expr:  # noqa: N805
        """A measure is told of an industry once."""
        return pl.len().over("event_id", "industry") == 1


class SupplyChain(Fact):
    """Changes of the edges from supplier to customer; the weights that hold for one customer sum to at most 1."""

    asset_key: ClassVar[str] = "cleaning/supply_chain"

    supplier_id = dy.String()
    customer_id = dy.String()
    weight = dy.Float64(nullable=True, min=0, max=1, metadata={"definition": "share of the customer's purchases"})
    holds = dy.Bool(metadata={"definition": "true from available_at on; false: no longer"})

    @dy.rule()
    def one_change_at_a_time(cls) -> pl.Expr:  # noqa: N805
        """An edge changes once at an instant."""
        return pl.len().over("supplier_id", "customer_id", "available_at") == 1


class Industries(Fact):
    """Changes of the industry of each security; at no instant has one security two."""

    asset_key: ClassVar[str] = "cleaning/industries"

    security_id = dy.String()
    industry = dy.String(min_length=1)
    holds = dy.Bool(metadata={"definition": "true from available_at on; false: no longer"})

    @dy.rule()
    def one_change_at_a_time(cls) -> pl.Expr:  # noqa: N805
        """A membership changes once at an instant."""
        return pl.len().over("security_id", "industry", "available_at") == 1


class IndexMembers(Fact):
    """Changes of the members of indices; the weights that hold for one index sum to at most 1."""

    asset_key: ClassVar[str] = "cleaning/index_members"

    index_id = dy.String()
    security_id = dy.String()
    weight = dy.Float64(nullable=True, min=0, max=1, metadata={"definition": "share of the index, null where not told"})
    holds = dy.Bool(metadata={"definition": "true from available_at on; false: no longer"})

    @dy.rule()
    def one_change_at_a_time(cls) -> pl.Expr:  # noqa: N805
        """A membership changes once at an instant."""
        return pl.len().over("index_id", "security_id", "available_at") == 1


class FloatShares(Fact):
    """Shares that can be traded, a row for each change; where none were reported, a proxy that says so."""

    asset_key: ClassVar[str] = "cleaning/float_shares"

    security_id = dy.String()
    float_shares = dy.Float64(min_exclusive=0, metadata={"unit": "shares"})
    total_shares = dy.Float64(nullable=True, min_exclusive=0, metadata={"unit": "shares"})
    origin = _one_of(*ORIGINS)

    @dy.rule()
    def one_change_at_a_time(cls) -> pl.Expr:  # noqa: N805
        """The number changes once at an instant."""
        return pl.len().over("security_id", "available_at") == 1


class IndexBars(Table):
    """Daily closes of indices; beside them a proxy on every session, which says so."""

    asset_key: ClassVar[str] = "cleaning/index_bars"

    session = dy.Date(primary_key=True, metadata={"definition": "trading day"})
    index_id = dy.String(primary_key=True)
    close = dy.Float64(min_exclusive=0, metadata={"unit": "index points"})
    prev_close = dy.Float64(nullable=True, min_exclusive=0, metadata={"unit": "index points"})
    amount = dy.Float64(nullable=True, min=0, metadata={"unit": "yuan"})
    origin = _one_of(*ORIGINS)
    weighted_by = _one_of(*WEIGHTINGS)
    available_at = instant("when the row could be known")

    @dy.rule()
    def one_row_for_each_session(cls) -> pl.Expr:  # noqa: N805
        """An index closes once a session."""
        return pl.len().over("session", "index_id") == 1


class RefusedFacts(Table):
    """Raw facts that were not accepted, each with its reason; nothing is thrown away."""

    asset_key: ClassVar[str] = "cleaning/refused_facts"
    dated_by: ClassVar[str] = "known_on"

    known_on = dy.Date(
        nullable=True, metadata={"definition": "date under which the row was delivered; 0001-01-01 where it has none"}
    )
    table = dy.String(metadata={"definition": "raw table that the row was delivered for, for example statements"})
    rule = dy.String(metadata={"definition": "short name of the rule, for counting"})
    reason = dy.String(metadata={"definition": "the rule that refused the row, and the values found"})
    delivery = dy.String(nullable=True)
    row = dy.String(metadata={"definition": "the row as delivered, JSON of texts"})
