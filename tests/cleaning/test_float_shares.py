from datetime import date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.float_shares import ASSUMED_TURNOVER, FEWEST_SESSIONS, float_shares, judged
from expectations.fact_tables import FloatShares
from expectations.facts import RawFloatShares

CLOSE = datetime(2014, 6, 3, 16, tzinfo=ZoneInfo("Asia/Shanghai"))


@pytest.fixture(scope="module")
def traded(market):
    return bars(market.lazy(), calendar(market.lazy())).collect()


def row(**changes: object) -> dict[str, object]:
    return {"security_id": "sh600001", "float_shares": 1e8, "total_shares": 2e8, "available_at": CLOSE} | changes


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({}, None),
        (dict(total_shares=None), None),
        (dict(security_id=None), "missing_key"),
        (dict(available_at=None), "missing_available_at"),
        (dict(float_shares=None), "missing_value"),
        (dict(float_shares=float("nan")), "not_finite"),
        (dict(float_shares=0.0), "not_positive"),
        (dict(total_shares=-1.0), "not_positive"),
        (dict(float_shares=3e8), "more_float_than_total"),
    ],
)
def test_each_rule_refuses_what_breaks_it(rows_of, changes, rule):
    assert judged(rows_of(RawFloatShares, [row(**changes)]))["rule"].to_list() == [rule]


def test_two_numbers_at_one_instant_are_both_refused(rows_of):
    raw = rows_of(RawFloatShares, [row(), row(float_shares=1.5e8)])
    assert judged(raw)["rule"].to_list() == ["contradiction", "contradiction"]


def test_without_reports_the_median_amount_stands_in_and_says_so(traded):
    found = FloatShares.validate(float_shares(RawFloatShares.create_empty().lazy(), traded.lazy()).collect())
    assert found["origin"].unique().to_list() == ["proxy"]
    one = found.filter(security_id="sh600001").row(3, named=True)
    day = one["known_on"]
    before = traded.filter(
        (pl.col("security_id") == "sh600001")
        & (pl.col("session") <= day)
        & (pl.col("session") > pl.select(pl.lit(day).dt.offset_by("-180d")).item())
    )
    assert before.height > FEWEST_SESSIONS
    close = before.sort("session")["close"][-1]
    assert one["float_shares"] == pytest.approx(before["amount"].median() / ASSUMED_TURNOVER / close, rel=1e-12)


def test_the_proxy_is_renewed_each_month_and_on_the_day_of_a_split(traded):
    found = float_shares(RawFloatShares.create_empty().lazy(), traded.lazy()).collect().filter(security_id="sh600002")
    months = found["known_on"].dt.month_start()
    sessions = traded["session"].unique().sort()
    assert months.n_unique() == 11
    assert found.filter(months.is_duplicated())["known_on"].to_list()[-1] == sessions[130]


def test_from_the_first_report_on_there_is_no_proxy(rows_of, traded):
    found = (
        float_shares(rows_of(RawFloatShares, [row()]).lazy(), traded.lazy()).collect().filter(security_id="sh600001")
    )
    assert found.filter(pl.col("known_on") >= CLOSE.date())["origin"].to_list() == ["reported"]
    assert set(found.filter(pl.col("known_on") < CLOSE.date())["origin"]) == {"proxy"}
    assert found["known_on"].min() < date(2014, 3, 1)
