"""Schemas of admitted facts: what breaks a rule is refused at the boundary."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import dataframely as dy
import polars as pl
import pytest

from expectations.fact_tables import (
    FloatShares,
    IndexBars,
    IndexMembers,
    Industries,
    News,
    PolicyEvents,
    Statements,
    SupplyChain,
)
from expectations.facts import RAW_FACTS

DAY = date(2014, 4, 23)
KNOWN = {"known_on": DAY, "available_at": datetime(2014, 4, 23, 8, tzinfo=ZoneInfo("Asia/Shanghai"))}
SOUND = {
    Statements: {"security_id": "a", "period_end": date(2014, 3, 31), "item": "revenue", "value": 1.0, "revision": 0,
                 "published_on": date(2014, 4, 22), "is_deadline_assumed": False},
    News: {"news_id": "n", "security_id": None, "kind": "news", "title": "t", "body": None},
    PolicyEvents: {"event_id": "e", "theme": "h", "industry": "c", "title": "t"},
    SupplyChain: {"supplier_id": "a", "customer_id": "b", "weight": 0.2, "holds": True},
    Industries: {"security_id": "a", "industry": "c", "holds": True},
    IndexMembers: {"index_id": "i", "security_id": "a", "weight": None, "holds": False},
    FloatShares: {"security_id": "a", "float_shares": 1e8, "total_shares": None, "origin": "reported"},
    IndexBars: {"session": DAY, "index_id": "i", "close": 1.0, "prev_close": None, "amount": None, "origin": "proxy",
                "weighted_by": "mixed"},
}  # fmt: skip
BROKEN = [
    (Statements, {"published_on": date(2014, 3, 31)}),
    (Statements, {"published_on": date(2014, 4, 24)}),
    (Statements, {"value": float("nan")}),
    (Statements, {"revision": -1}),
    (News, {"kind": "rumour"}),
    (News, {"title": ""}),
    (PolicyEvents, {"title": ""}),
    (SupplyChain, {"weight": 1.1}),
    (IndexMembers, {"weight": -0.1}),
    (Industries, {"holds": None}),
    (FloatShares, {"float_shares": 0.0}),
    (FloatShares, {"origin": "guess"}),
    (IndexBars, {"close": 0.0}),
    (IndexBars, {"weighted_by": "price"}),
    (News, {"available_at": None}),
]


def frame(table, *rows):
    schema = {name: column.dtype for name, column in table.columns().items()}
    return pl.DataFrame([{name: (KNOWN | row)[name] for name in schema} for row in rows], schema=schema)


@pytest.mark.parametrize("table", SOUND)
def test_a_sound_row_is_taken_and_the_same_row_twice_is_not(table):
    assert table.validate(frame(table, SOUND[table])).height == 1
    with pytest.raises(dy.exc.ValidationError):
        table.validate(frame(table, SOUND[table], SOUND[table]))


@pytest.mark.parametrize(("table", "changes"), BROKEN)
def test_a_row_that_breaks_a_rule_is_refused(table, changes):
    with pytest.raises(dy.exc.ValidationError):
        table.validate(frame(table, SOUND[table] | changes))


@pytest.mark.parametrize("table", RAW_FACTS)
def test_raw_numbers_may_be_none_so_that_cleaning_can_refuse_them(table):
    numbers = [name for name, column in table.columns().items() if column.dtype == pl.Float64]
    empty = table.create_empty().clear(1)
    table.validate(empty.with_columns(pl.lit(float("nan")).alias(name) for name in numbers))
    table.validate(empty.with_columns(pl.lit(float("inf")).alias(name) for name in numbers))
