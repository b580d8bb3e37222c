from datetime import date

import polars as pl

from assets.cleaning.rules.changes import NOT_FINITE, OVERRUN_LIMIT, REUSED_TICKER, SUSPENDED_PRICES

LIVES = pl.DataFrame(
    {
        "ticker": ["a", "a", "b"],
        "session": [date(2015, 3, 2), date(2016, 3, 2), date(2015, 3, 2)],
        "security_id": ["a@2015-03-02", "a@2016-03-02", "b@2015-03-02"],
    }
)


def test_a_row_belongs_to_the_last_life_that_began_by_its_session():
    rows = pl.DataFrame(
        {
            "session": [date(2016, 3, 2), date(2015, 3, 1), date(2015, 3, 2), None, date(2015, 3, 3), date(2016, 1, 1)],
            "security_id": ["a", "a", "a", "a", "c", None],
        }
    )
    found = REUSED_TICKER.apply(rows, LIVES)
    assert found["security_id"].to_list() == ["a@2016-03-02", "a", "a@2015-03-02", "a", "c", None]
    assert found["session"].equals(rows["session"])


def test_without_another_life_nothing_changes():
    rows = pl.DataFrame({"session": [date(2015, 3, 2)], "security_id": ["a"]})
    assert REUSED_TICKER.apply(rows, LIVES.clear()).equals(rows)


def test_what_is_no_number_is_missing_and_numbers_stay():
    rows = pl.DataFrame({name: [1.0, float("nan"), float("inf"), None] for name in NOT_FINITE.columns})
    assert NOT_FINITE.apply(rows, LIVES)["close"].to_list() == [1.0, None, None, None]


def test_a_suspended_session_has_no_prices_and_no_volume():
    rows = pl.DataFrame({name: [9.0, 9.0] for name in SUSPENDED_PRICES.columns} | {"is_suspended": [True, False]})
    found = SUSPENDED_PRICES.apply(rows, LIVES)
    assert found.row(1) == rows.row(1)
    assert found.select("close", "volume").row(0) == (None, 0.0)


def test_limits_that_were_traded_through_did_not_hold_except_in_a_suspended_row():
    rows = pl.DataFrame(
        {
            "high": [11.0, 11.02, 10.0, 12.0],
            "low": [9.0, 9.5, 8.9, 9.0],
            "limit_up": 11.0,
            "limit_down": 9.0,
            "is_suspended": [False, False, False, True],
        }
    )
    assert OVERRUN_LIMIT.apply(rows, LIVES)["limit_up"].to_list() == [11.0, None, None, 11.0]
