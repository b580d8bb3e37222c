from datetime import date

import polars as pl
import pytest

from assets.cleaning.rule_book import look_up
from assets.cleaning.trading_costs import rates, refuse_above_cap, transfer_fees

CHANGES = [
    ("stamp_duty_sell", date(2008, 9, 19), date(2023, 8, 27), 0.001),
    ("stamp_duty_sell", date(2023, 8, 28), date(2026, 1, 5), 0.0005),
    ("stamp_duty_buy", date(2008, 4, 24), date(2008, 9, 18), 0.001),
    ("stamp_duty_buy", date(2008, 9, 19), date(2026, 1, 5), 0.0),
    ("transfer_fee", date(2008, 9, 19), date(2015, 7, 31), 0.0000255),
    ("transfer_fee", date(2015, 8, 1), date(2022, 4, 28), 0.00002),
    ("transfer_fee", date(2022, 4, 29), date(2026, 1, 5), 0.00001),
    ("commission_cap", date(2002, 5, 1), date(2026, 1, 5), 0.003),
    ("commission_minimum", date(2002, 5, 1), date(2026, 1, 5), 5.0),
]


@pytest.mark.parametrize(("rule", "first", "last", "value"), CHANGES)
def test_each_rule_holds_from_its_date_to_the_day_before_the_next(rule, first, last, value):
    assert rates([first, last])[rule].to_list() == [value, value]


def test_rates_keep_the_order_of_the_sessions_asked_for():
    asked = [date(2023, 8, 28), date(2014, 1, 2), date(2023, 8, 28)]
    found = rates(asked)
    assert found["session"].to_list() == asked
    assert found["stamp_duty_sell"].to_list() == [0.0005, 0.001, 0.0005]


def test_shanghai_charged_by_the_share_and_beijing_charged_nothing_before_it_opened():
    days = [date(2012, 5, 31), date(2012, 6, 1), date(2012, 9, 3), date(2015, 7, 31), date(2015, 8, 3)]
    found = rates(days, "sse")
    assert found["transfer_fee_per_share"].to_list() == [0.0005, 0.000375, 0.0003, 0.0003, 0.0]
    assert found["transfer_fee"].to_list() == [0, 0, 0, 0, 0.00002]
    assert rates(days, "bse")["transfer_fee"].to_list() == [0] * 5


def test_a_session_before_the_rule_book_is_refused():
    with pytest.raises(ValueError, match=r"2002-04-30; its rules begin on 2002-05-01"):
        rates([date(2002, 4, 30)])


def test_the_rule_book_agrees_with_an_independent_one():
    marina = pytest.importorskip("marina_rules", reason="the independent rule book is not installed")
    days = [date(2015, 8, 1), date(2019, 5, 6), date(2022, 4, 28), date(2022, 4, 29), date(2023, 8, 25)]
    for row in rates([*days, date(2023, 8, 28), date(2025, 3, 3)]).iter_rows(named=True):
        at = row["session"].isoformat()
        assert row["transfer_fee"] == pytest.approx(marina.rule_at("transfer_fee_each_side", at))
        assert row["stamp_duty_sell"] == pytest.approx(marina.rule_at("stamp_duty_sell", at))
        assert row["commission_minimum"] == marina.rule_at("commission_min_per_order_cny", at)
        assert row["commission_cap"] == marina.rule_at("commission_cap", at)


def test_a_commission_above_the_cap_is_refused():
    with pytest.raises(ValueError, match=r"commission was 0\.01; from 2018-01-02 at most 0\.003"):
        refuse_above_cap(0.01, rates([date(2018, 1, 2)]))
    refuse_above_cap(0.003, rates([date(2018, 1, 2)]))


STAMP_DUTY = [
    (date(1997, 5, 12), 0.005, 0.005),
    (date(2001, 11, 15), 0.004, 0.004),
    (date(2005, 1, 24), 0.001, 0.001),
    (date(2007, 5, 30), 0.003, 0.003),
    (date(2008, 9, 18), 0.001, 0.001),
    (date(2008, 9, 19), 0.0, 0.001),
]


@pytest.mark.parametrize(("session", "buy", "sell"), STAMP_DUTY)
def test_the_buyer_paid_stamp_duty_until_september_2008(session, buy, sell):
    found = look_up(pl.DataFrame({"session": [session]}), "stamp_duty_buy", "stamp_duty_sell")
    assert found.row(0)[1:] == (buy, sell)


TRANSFERS = [
    (date(2015, 7, 31), "szse", 0.0255),
    (date(2015, 7, 31), "sse", 0.3),
    (date(2015, 8, 3), "sse", 0.2 / 10),
    (date(2022, 4, 28), "bse", 0.025),
    (date(2022, 4, 29), "bse", 0.01),
    (date(2022, 4, 29), "sse", 0.01),
]


@pytest.mark.parametrize(("session", "where", "expected"), TRANSFERS)
def test_the_transfer_fee_of_a_thousand_yuan_and_shares_is_that_of_exchange_and_day(session, where, expected):
    orders = pl.DataFrame({"session": [session], "exchange": [where], "shares": [1_000.0], "value": [1_000.0]})
    assert transfer_fees(orders)["transfer_fee_paid"][0] == pytest.approx(expected, abs=1e-12)
