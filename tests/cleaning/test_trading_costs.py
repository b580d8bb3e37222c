from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.cleaning.rule_book import look_up
from assets.cleaning.trading_costs import FREE, Fees, dividend_tax, fees, lots, rates, transfer_fees, whole_lots

CHANGES = [
    ("stamp_duty_sell", date(2008, 9, 19), date(2023, 8, 27), 0.001),
    ("stamp_duty_sell", date(2023, 8, 28), date(2026, 1, 5), 0.0005),
    ("stamp_duty_buy", date(2008, 9, 19), date(2026, 1, 5), 0.0),
    ("transfer_fee", date(2008, 9, 19), date(2015, 7, 31), 0.0000255),
    ("transfer_fee", date(2015, 8, 1), date(2022, 4, 28), 0.00002),
    ("transfer_fee", date(2022, 4, 29), date(2026, 1, 5), 0.00001),
    ("commission_cap", date(2008, 9, 19), date(2026, 1, 5), 0.003),
    ("commission_minimum", date(2008, 9, 19), date(2026, 1, 5), 5.0),
]


@pytest.mark.parametrize(("rule", "first", "last", "value"), CHANGES)
def test_each_rule_holds_from_its_date_to_the_day_before_the_next(rule, first, last, value):
    found = rates([first, last])
    transfer = {"2015": 0.0000255, "2022": 0.00002}
    for row in found.iter_rows(named=True):
        day = row["session"]
        fee = transfer["2015"] if day < date(2015, 8, 1) else 0.00002 if day < date(2022, 4, 29) else 0.00001
        shown = {
            "stamp_duty_sell": row["sell_tax"] - fee,
            "stamp_duty_buy": row["buy_tax"] - fee,
            "transfer_fee": row["buy_tax"],
            "commission_cap": row["commission_cap"],
            "commission_minimum": row["commission_minimum"],
        }
        assert shown[rule] == pytest.approx(value, abs=1e-12)


def test_rates_keep_the_order_of_the_sessions_asked_for():
    asked = [date(2023, 8, 28), date(2014, 1, 2), date(2023, 8, 28)]
    found = rates(asked)
    assert found["session"].to_list() == asked
    assert found["sell_tax"].to_list() == pytest.approx([0.00051, 0.0010255, 0.00051])


def test_a_session_before_the_rule_book_is_refused():
    with pytest.raises(ValueError, match=r"2008-09-18; its rules begin on 2008-09-19"):
        rates([date(2008, 9, 18)])


def test_the_rule_book_agrees_with_an_independent_one():
    marina = pytest.importorskip("marina_rules", reason="the independent rule book is not installed")
    days = [date(2015, 8, 1), date(2019, 5, 6), date(2022, 4, 28), date(2022, 4, 29), date(2023, 8, 25)]
    for row in rates([*days, date(2023, 8, 28), date(2025, 3, 3)]).iter_rows(named=True):
        at = row["session"].isoformat()
        transfer = marina.rule_at("transfer_fee_each_side", at)
        assert row["buy_tax"] == pytest.approx(transfer)
        assert row["sell_tax"] == pytest.approx(transfer + marina.rule_at("stamp_duty_sell", at))
        assert row["commission_minimum"] == marina.rule_at("commission_min_per_order_cny", at)
        assert row["commission_cap"] == marina.rule_at("commission_cap", at)


def test_a_small_order_pays_the_minimum_and_a_large_one_its_share():
    charge = fees([date(2018, 1, 2)])[0]
    np.testing.assert_allclose(charge.of("buy", np.array([0.0, 2_000.0, 100_000.0])), [0, 5 + 0.04, 25 + 2])
    np.testing.assert_allclose(charge.of("sell", np.array([2_000.0, 100_000.0])), [5 + 0.04 + 2, 25 + 2 + 100])


@pytest.mark.parametrize("budget", [4.0, 5.0, 1_000.0, 19_999.0, 20_010.0, 1e6])
def test_what_is_affordable_and_its_fees_use_up_the_budget(budget):
    charge = Fees(commission=0.00025, minimum=5.0, buy_tax=0.00002, sell_tax=0.001)
    value = charge.affordable(budget)
    spent = value + charge.of("buy", np.array([value]))[0]
    assert spent == pytest.approx(budget if budget > 5 else 0.0)


def test_no_fees_leave_the_whole_budget():
    assert FREE.affordable(1_234.5) == 1_234.5
    assert FREE.of("sell", np.array([1e6]))[0] == 0


def test_a_commission_above_the_cap_is_refused():
    with pytest.raises(ValueError, match=r"commission was 0\.01; from 2018-01-02 at most 0\.003"):
        fees([date(2018, 1, 2)], commission=0.01)


def test_buy_orders_are_rounded_down_to_what_each_board_accepts():
    shares = np.array([99.0, 399.9, 250.0, 199.0, 201.7, 99.0, 101.2])
    boards = ["main", "main", "chinext", "star", "star", "bse", "bse"]
    assert whole_lots(shares, boards).tolist() == [0, 300, 200, 0, 201, 0, 101]


def test_an_unknown_board_is_refused_by_name():
    with pytest.raises(ValueError, match=r"no lot size for board \['neeq'\]"):
        whole_lots(np.array([100.0]), ["neeq"])


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


def taxed(bought_on, sold_on, session=date(2014, 2, 5)):
    frame = pl.DataFrame({"session": [session], "bought_on": [bought_on], "sold_on": [sold_on]})
    return dividend_tax(frame)["dividend_tax"][0]


HOLDINGS = [
    (date(2014, 1, 8), date(2014, 2, 8), 0.20),  # held to 2014-02-07: one month
    (date(2014, 1, 8), date(2014, 2, 9), 0.10),
    (date(2014, 1, 8), date(2015, 1, 8), 0.10),
    (date(2014, 1, 8), date(2015, 1, 9), 0.05),
    (date(2014, 1, 31), date(2014, 2, 28), 0.20),
    (date(2014, 1, 31), date(2014, 3, 1), 0.10),
]


@pytest.mark.parametrize(("bought_on", "sold_on", "expected"), HOLDINGS)
def test_the_tax_on_a_dividend_falls_with_the_months_held(bought_on, sold_on, expected):
    assert taxed(bought_on, sold_on) == expected


def test_the_tax_on_a_dividend_is_that_of_its_record_date():
    long_held = dict(bought_on=date(2010, 1, 4), sold_on=date(2016, 1, 4))
    days = [date(2012, 12, 31), date(2013, 1, 4), date(2015, 9, 7), date(2015, 9, 8)]
    assert [taxed(**long_held, session=day) for day in days] == [0.10, 0.05, 0.05, 0.0]
    brief = dict(bought_on=date(2012, 12, 20), sold_on=date(2013, 1, 7))
    assert [taxed(**brief, session=day) for day in (date(2012, 12, 28), date(2013, 1, 4))] == [0.10, 0.20]


@given(
    bought_on=st.dates(date(2013, 1, 1), date(2020, 1, 1)),
    days=st.tuples(st.integers(1, 900), st.integers(1, 900)),
)
def test_who_holds_longer_never_pays_more(bought_on, days):
    rows = [bought_on + timedelta(days=held) for held in sorted(days)]
    frame = pl.DataFrame({"session": bought_on, "bought_on": bought_on, "sold_on": rows})
    first, second = dividend_tax(frame)["dividend_tax"]
    assert first >= second


def test_shares_that_are_not_sold_yet_owe_nothing_known_and_a_sale_on_the_same_day_is_refused():
    assert taxed(date(2014, 1, 8), None) is None
    with pytest.raises(ValueError, match="sold on 2014-01-08 what was bought on 2014-01-08"):
        taxed(date(2014, 1, 8), date(2014, 1, 8))


def test_lots_and_caps_are_those_of_board_and_day():
    frame = pl.DataFrame({"session": [date(2020, 8, 21), date(2020, 8, 24), date(2020, 8, 24)]}).with_columns(
        board=pl.Series(["chinext", "chinext", "star"])
    )
    found = lots(frame).select("lot_minimum", "lot_step", "lot_cap_limit", "lot_cap_market").rows()
    assert found == [(100, 100, 1_000_000, 1_000_000), (100, 100, 300_000, 150_000), (200, 1, 100_000, 50_000)]
