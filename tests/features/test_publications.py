from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from assets.features.publications import known_at, publications
from expectations.fact_tables import Statements

SHANGHAI = ZoneInfo("Asia/Shanghai")
APRIL, AUGUST, DECEMBER = (datetime(2014, month, 20, 21, tzinfo=SHANGHAI) for month in (4, 8, 12))
Q1, Q2 = date(2014, 3, 31), date(2014, 6, 30)
FIRST = 4 * 2014


def fact(end: date, at: datetime, value: float = 1.0, **changes: object) -> dict[str, object]:
    row = {
        "known_on": at.date(), "available_at": at, "security_id": "a", "period_end": end, "item": "net_profit",
        "value": value, "revision": 0, "published_on": at.date(), "is_deadline_assumed": False,
    }  # fmt: skip
    return row | changes


def told(*rows: dict[str, object]) -> pl.LazyFrame:
    return Statements.cast(
        pl.DataFrame(list(rows), schema={name: column.dtype for name, column in Statements.columns().items()}).lazy()
    )


def test_each_instant_is_a_publication_with_the_latest_quarter_and_when_it_was_announced():
    rows = publications(
        told(fact(Q1, APRIL), fact(Q2, AUGUST), fact(Q1, DECEMBER, revision=1), fact(Q1, DECEMBER, item="revenue"))
    )
    assert rows["available_at"].to_list() == [APRIL, AUGUST, DECEMBER]
    assert rows["quarter"].to_list() == [FIRST, FIRST + 1, FIRST + 1]
    assert rows["announced_at"].to_list() == [APRIL, AUGUST, AUGUST]
    assert rows["announced_before_at"].to_list() == [None, APRIL, APRIL]
    assert rows["restated_at"].to_list() == [None, None, DECEMBER]
    assert rows["delay"].to_list() == [20.0, 51.0, 51.0]
    assert rows["publication"].to_list() == [0, 1, 2]


def test_a_report_on_an_older_quarter_moves_nothing_back_and_is_not_known_before_it_comes():
    rows = publications(told(fact(Q2, AUGUST), fact(Q1, DECEMBER)))
    assert rows["quarter"].to_list() == [FIRST + 1, FIRST + 1]
    assert rows["announced_before_at"].to_list() == [None, DECEMBER]


def test_the_delay_is_unknown_where_the_date_was_assumed():
    assert publications(told(fact(Q1, APRIL, is_deadline_assumed=True)))["delay"].to_list() == [None]


def test_nothing_is_told_before_a_net_profit_is_and_unknown_items_tell_nothing():
    rows = publications(told(fact(Q1, APRIL, item="revenue"), fact(Q1, AUGUST), fact(Q2, DECEMBER, item="goodwill")))
    assert rows["available_at"].to_list() == [AUGUST]
    assert publications(told(fact(Q1, APRIL, item="goodwill"))).is_empty()


def test_securities_do_not_know_of_each_other():
    rows = publications(told(fact(Q2, APRIL), fact(Q1, AUGUST, security_id="b", revision=1)))
    assert rows.select("security_id", "quarter", "restated_at").rows() == [("a", FIRST + 1, None), ("b", FIRST, AUGUST)]


def test_a_value_counts_until_its_restatement_is_known():
    statements = told(
        fact(Q1, APRIL, 5.0), fact(Q1, DECEMBER, 7.0, revision=1), fact(Q2, AUGUST, 9.0),
        fact(Q1, APRIL, 3.0, item="net_profit_to_parent", security_id="b"),
        fact(Q1, AUGUST, 4.0, security_id="b", revision=1),
    )  # fmt: skip
    a_microsecond = timedelta(microseconds=1)
    asked = [("a", DECEMBER - a_microsecond, FIRST + 1), ("a", DECEMBER, FIRST + 1), ("b", AUGUST, FIRST)]
    schema = {"security_id": pl.String, "available_at": pl.Datetime("us", "Asia/Shanghai"), "quarter": pl.Int32}
    known = known_at(pl.DataFrame(asked, schema=schema, orient="row"), statements)
    assert known["net_profit"][:2, :2].tolist() == [[9.0, 5.0], [9.0, 7.0]]
    assert known["first_net_profit"][:2, :2].tolist() == [[9.0, 5.0], [9.0, 5.0]]
    assert known["net_profit"][2, 0] == 3.0, "the preferred item stays, though another came later"
    assert np.isnan(known["net_profit"][:, 2:]).all()
    assert np.isnan(known["revenue"]).all()
