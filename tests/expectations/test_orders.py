"""Orders: each rule is broken once, and what could be had passes."""

from datetime import date, timedelta

import polars as pl
import pytest

from expectations.evidence import EXECUTION
from expectations.orders import Books, Terms, orders, refusals, sales_can_occur

DAYS = [date(2018, 1, 1) + timedelta(days=number) for number in range(30)]
NAME = "sz000001"
TERMS = Terms(price="vwap", hold_sessions=2, participation=0.1, capital=100_000.0, strict=False)
BOUGHT, SOLD = DAYS[22], DAYS[24]
LOTS = pl.DataFrame({"session": DAYS, "board": "main", "lot_minimum": 100.0, "lot_step": 100.0})
DECIDED = pl.DataFrame({"session": [DAYS[21], DAYS[22]], "security_id": NAME})
BARS = pl.DataFrame(
    {
        "session": DAYS, "security_id": NAME, "board": "main", "is_suspended": False, "is_locked_up": False,
        "is_locked_down": False, "open": 10.0, "high": 10.2, "low": 9.8, "close": 10.0, "vwap": 10.0,
        "limit_up": 11.0, "limit_down": 9.0, "volume": 10_000.0, "adj_factor": 1.0,
    }
)  # fmt: skip
BUY = {
    "session": BOUGHT, "security_id": NAME, "side": "buy", "opened": BOUGHT, "asked": 1000.0, "shares": 1000.0,
    "price": 10.1, "value": 10_100.0, "fee": 5.0, "dividend_tax": 0.0, "status": "filled", "reason": None,
}  # fmt: skip
SALE = BUY | {"session": SOLD, "side": "sell", "price": 9.9, "value": 9_900.0}
SCHEMA = {"reason": pl.String, "price": pl.Float64}


def placed(*rows: dict[str, object]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema_overrides=SCHEMA)


POSITIONS = pl.DataFrame(
    {"session": [BOUGHT, DAYS[23]], "security_id": NAME, "shares": 1000.0, "price": 10.0, "value": 10_000.0}
)
DAILY = pl.DataFrame(
    {"session": DAYS[22:25], "cash": [89_895.0, 89_895.0, 99_790.0], "nav": [99_895.0, 99_895.0, 99_790.0]}
).with_columns(dividends=0.0)
BOOKS = Books(placed(BUY, SALE), POSITIONS, DAILY)


def broken(books: Books = BOOKS, bars: pl.DataFrame = BARS, terms: Terms = TERMS, decided=DECIDED) -> list[str]:
    found = orders(books, decided, bars, LOTS, terms)
    assert found.schema == EXECUTION
    return found.filter(~pl.col("passed"))["rule"].to_list()


def with_orders(*rows: dict[str, object]) -> Books:
    return Books(placed(*rows), POSITIONS, DAILY)


def on(day: date, **told: object) -> pl.DataFrame:
    at = pl.col("session") == day
    return BARS.with_columns(
        pl.when(at).then(pl.lit(value)).otherwise(name).alias(name) for name, value in told.items()
    )


def daily(**told: list[float]) -> Books:
    return Books(BOOKS.orders, POSITIONS, DAILY.with_columns(**{name: pl.Series(row) for name, row in told.items()}))


def test_books_that_could_be_had_pass() -> None:
    found = orders(BOOKS, DECIDED, BARS, LOTS, TERMS)
    assert found["passed"].all()
    assert found["rows_checked"].min() > 0


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ((BUY | {"price": 10.3}, SALE), "between the low and the high"),
        ((BUY | {"price": 9.95}, SALE), "no better than the vwap"),
        ((BUY, SALE | {"price": 10.05}), "no better than the vwap"),
        ((BUY | {"shares": 950.0}, SALE), "whole lots"),
        ((BUY | {"shares": 1100.0}, SALE), "usual volume"),
        ((BUY, SALE | {"opened": SOLD}), "sold in a later session"),
        ((BUY, SALE | {"opened": DAYS[23]}), "lasts the sessions"),
        ((BUY, SALE | {"shares": 1001.0}), "no more is sold than was held"),
        ((BUY, SALE | {"shares": 900.0}), "what is held is what was held"),
        ((BUY, SALE | {"value": 9_901.0}), "cash moves by"),
        ((BUY, SALE | {"reason": "delisted"}), "only a name without a row"),
        ((BUY, SALE | {"reason": "take_profit", "price": 10.2}), "a target is sold"),
    ],
)
def test_an_order_that_nobody_could_have_had_is_found(rows: tuple[dict[str, object], ...], words: str) -> None:
    assert any(words in rule for rule in broken(with_orders(*rows)))


def test_a_buy_without_a_forecast_of_the_session_before_is_found() -> None:
    late = DECIDED.filter(pl.col("session") == BOUGHT)
    assert broken(decided=late) == ["a buy comes in the session after a forecast of its name"]


@pytest.mark.parametrize(
    ("day", "told", "words"),
    [
        (BOUGHT, {"is_suspended": True}, "has a bar with trading"),
        (BOUGHT, {"is_locked_up": True}, "locked upper limit"),
        (SOLD, {"is_locked_down": True}, "locked lower limit"),
        (DAYS[23], {"close": 10.1}, "worth its last known close"),
    ],
)
def test_a_bar_that_does_not_allow_what_was_done_is_found(day: date, told: dict[str, object], words: str) -> None:
    assert any(words in rule for rule in broken(bars=on(day, **told)))
    if words != "worth its last known close":
        assert any("has a bar" in rule for rule in broken(bars=BARS.filter(pl.col("session") != day)))


def test_the_volume_of_the_session_itself_is_not_its_usual_one() -> None:
    assert broken(bars=on(BOUGHT, volume=1.0)) == []
    earlier = pl.col("session") < BOUGHT
    assert any(
        "usual volume" in rule
        for rule in broken(bars=BARS.with_columns(volume=pl.when(earlier).then(9_000.0).otherwise(1e6)))
    )
    assert broken(terms=Terms("vwap", 2, None, 100_000.0, False), bars=BARS.with_columns(volume=1.0)) == []


def test_strict_terms_refuse_what_closes_at_its_limit() -> None:
    strict = Terms("vwap", 2, 0.1, 100_000.0, True)
    assert broken(terms=strict) == []
    assert any("close is the upper" in rule for rule in broken(terms=strict, bars=on(BOUGHT, limit_up=10.0)))
    assert any("close is the lower" in rule for rule in broken(terms=strict, bars=on(SOLD, limit_down=10.0)))


def test_cash_below_nothing_and_a_value_that_does_not_add_up_are_found() -> None:
    assert "cash is never negative" in broken(daily(cash=[-1.0, 89_895.0, 99_790.0]))
    assert broken(daily(nav=[99_895.0, 99_895.01, 99_790.0])) == ["the value is cash and positions, to the cent"]
    assert "cash moves by what was bought, sold, charged and paid" in broken(daily(dividends=[0.0, 0.01, 0.0]))


def test_shares_of_a_split_are_what_was_held() -> None:
    later = pl.col("session") >= DAYS[23]
    split = BARS.with_columns(
        pl.when(later & pl.lit(name != "adj_factor")).then(pl.col(name) / 2).otherwise(name).alias(name)
        for name in ("open", "high", "low", "close", "vwap", "limit_up", "limit_down")
    ).with_columns(adj_factor=pl.when(later).then(2.0).otherwise(1.0))
    after = POSITIONS.with_columns(shares=pl.Series([1000.0, 2000.0]), price=pl.Series([10.0, 5.0]))
    books = Books(placed(BUY, SALE | {"shares": 2000.0, "price": 4.95}), after, DAILY)
    assert [rule for rule in broken(books, split) if "usual volume" not in rule] == []
    grown = Books(placed(BUY, SALE | {"shares": 2100.0, "price": 4.95}), after, DAILY)
    assert any("no more is sold" in rule for rule in broken(grown, split))


def test_without_orders_nothing_is_shown_and_without_time_for_sales_none_are_asked_for() -> None:
    assert broken(with_orders(BUY | {"shares": 0.0}))
    nothing = Books(BOOKS.orders.clear(), POSITIONS.clear(), DAILY)
    assert "a fill has a bar with trading" in broken(nothing)
    assert not sales_can_occur(placed(BUY), TERMS)
    assert sales_can_occur(placed(BUY), Terms("vwap", None, 0.1, 1.0, False))


STATES = {"is_locked_up": ("buy", "locked upper"), "is_suspended": ("buy", "suspension refuses a buy")}


@pytest.mark.parametrize("flag", list(STATES))
def test_a_filled_order_that_had_to_be_refused_is_found(flag: str) -> None:
    bars = on(BOUGHT, **{flag: True})
    refused = BUY | {"shares": 0.0, "status": "refused"}
    (honest,) = refusals(placed(refused), bars, TERMS).filter(pl.col("rule").str.contains(STATES[flag][1])).to_dicts()
    assert (honest["rows_checked"], honest["passed"]) == (1, True)
    (leak,) = refusals(placed(BUY), bars, TERMS).filter(pl.col("rule").str.contains(STATES[flag][1])).to_dicts()
    assert (leak["rows_violating"], leak["first_example"]) == (1, f"{NAME} {BOUGHT}")
    assert not refusals(placed(BUY), BARS, TERMS)["passed"].any()


def test_a_sale_that_had_to_be_refused_is_found() -> None:
    cases = [on(SOLD, is_locked_down=True), on(SOLD, is_suspended=True), BARS.filter(pl.col("session") != SOLD)]
    for bars, words in zip(cases, ("locked lower", "suspension refuses a sale", "sale without a bar"), strict=True):
        (leak,) = refusals(placed(SALE), bars, TERMS).filter(pl.col("rule").str.contains(words)).to_dicts()
        assert leak["rows_violating"] == 1
    assert len(refusals(placed(BUY), BARS, TERMS, with_sales=False)) == 3
