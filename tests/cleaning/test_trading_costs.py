from datetime import date

import numpy as np
import pytest

from assets.cleaning.trading_costs import FREE, Fees, fees, rates, whole_lots

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


def test_every_rule_states_its_source_and_its_unit():
    book = rule_book()
    assert book.null_count().sum_horizontal().item() == 0
    assert book.select("rule", "effective_from").is_duplicated().sum() == 0


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
