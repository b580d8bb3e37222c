"""Executor: whatever the market and the settings, what must never happen does not; parts against hand-made numbers."""

from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.evaluation import executor
from assets.evaluation.executor import Rules
from assets.evaluation.portfolio import Simulation, simulate
from assets.evaluation.trading import TradingSpec
from benchmarks.wild_markets import broken, wild_market, wild_spec

WHOLE, FRACTIONS = Rules(), Rules(whole_lots=False, whole_cents=False)
CENT = Decimal("0.01")


def plain(function):
    """The Python of a function that is compiled without a door of its own."""
    return function.py_func


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_nothing_that_must_not_happen_happens_on_a_wild_market(seed):
    rng = np.random.default_rng(seed)
    bars, universe, forecasts = wild_market(rng)
    spec = wild_spec(rng)
    assert broken(simulate(forecasts, bars, universe, spec), bars, forecasts, spec) == []


def wild(seed: int = 3, **changes) -> tuple[Simulation, pl.DataFrame, pl.DataFrame, TradingSpec]:
    bars, universe, forecasts = wild_market(np.random.default_rng(seed))
    spec = TradingSpec(top_k=4, hold_sessions=2, capital=1e6, strict=True, participation=0.1, **changes)
    return simulate(forecasts, bars, universe, spec), bars, forecasts, spec


def at_fills(found: Simulation, bars: pl.DataFrame, side: str, mark: pl.Expr) -> pl.DataFrame:
    """Bars with a mark where something was bought or sold."""
    done = found.orders.filter(pl.col("shares") > 0, pl.col("side") == side).select("session", "security_id", hit=True)
    return bars.join(done, on=["session", "security_id"], how="left").with_columns(mark).drop("hit")


DAMAGES = {
    "a buy against a locked upper limit": ("buy", pl.col("is_locked_up") | pl.col("hit").fill_null(False)),
    "a sale against a locked lower limit": ("sell", pl.col("is_locked_down") | pl.col("hit").fill_null(False)),
}


@pytest.mark.parametrize("what", DAMAGES)
def test_the_check_finds_a_fill_against_a_limit(what):
    found, bars, forecasts, spec = wild()
    side, flag = DAMAGES[what]
    damaged = at_fills(found, bars, side, flag.alias(flag.meta.root_names()[0]))
    assert any(line.startswith(what) for line in broken(found, damaged, forecasts, spec))


ORDERS = {
    "a fill outside low and high": pl.col("price") * 2,
    "a sale in the session of the buy": pl.col("session").alias("opened"),
    "more than the share of the usual volume": pl.col("shares") * 1000,
    "more filled than asked": pl.col("asked") - 1,
    "a fee that is not the rule's": pl.col("commission") + 0.01,
    "cash that its receipts do not explain": pl.col("value") + 0.01,
    "shares that orders do not explain": pl.col("shares") - 100,
    "a value that is not shares times price to the cent": pl.col("value") - 0.01,
    "a sale that is neither lots nor a whole remainder": pl.when(pl.col("shares") > 100)
    .then(pl.col("shares") - 50)
    .otherwise("shares"),
}


@pytest.mark.parametrize("what", ORDERS)
def test_the_check_finds_orders_that_were_tampered_with(what):
    found, bars, forecasts, spec = wild()
    touched = pl.col("shares") > 0
    name = ORDERS[what].meta.output_name()
    orders = found.orders.with_columns(pl.when(touched).then(ORDERS[what]).otherwise(name).alias(name))
    assert any(line.startswith(what) for line in broken(replace(found, orders=orders), bars, forecasts, spec))


def test_the_check_finds_cash_below_nothing_and_a_value_that_is_not_what_is_held():
    found, bars, forecasts, spec = wild()
    poor = replace(found, daily=found.daily.with_columns(cash=pl.col("cash") * 0 - 0.01))
    assert any(line.startswith("cash below nothing") for line in broken(poor, bars, forecasts, spec))
    richer = replace(found, daily=found.daily.with_columns(nav=pl.col("nav") + 0.01))
    assert any(line.startswith("a value that is not") for line in broken(richer, bars, forecasts, spec))


def test_the_same_inputs_give_the_same_books_to_the_last_bit():
    first, second = wild()[0], wild()[0]
    assert first.daily.equals(second.daily)
    assert first.orders.equals(second.orders)
    assert first.shortfall.equals(second.shortfall)


@given(amount=st.integers(0, 10**13), rate=st.integers(0, 5_000_000))
@example(amount=2_662_000, rate=250_000)
def test_a_share_of_cents_is_rounded_half_up_without_an_error(amount, rate):
    exact = (Decimal(amount) * rate / 10**9).quantize(Decimal(1), ROUND_HALF_UP)
    assert Decimal(plain(executor.share_of)(float(amount), rate, WHOLE)) == exact


@given(shares=st.integers(1, 10_000_000), price=st.integers(1, 5_000_000))
def test_a_value_is_rounded_half_up_without_an_error(shares, price):
    exact = (Decimal(shares) * price / 10_000).quantize(CENT, ROUND_HALF_UP)
    found = plain(executor.cents)(shares * (price / 10_000) * 100, WHOLE)
    assert Decimal(found) / 100 == exact


def test_in_fractions_nothing_is_rounded():
    assert plain(executor.cents)(1.234, FRACTIONS) == 1.234
    assert plain(executor.share_of)(100.5, 250_000, FRACTIONS) == pytest.approx(0.025125)
    assert plain(executor.stated)(9.87654, FRACTIONS) == 9.87654


LOTS = [
    (399.9, 100, 100, 300),
    (99.0, 100, 100, 0),
    (199.0, 200, 1, 0),
    (201.7, 200, 1, 201),
    (99.9999999, 100, 1, 100),
]


@pytest.mark.parametrize(("shares", "minimum", "step", "expected"), LOTS)
def test_buys_are_rounded_down_to_what_the_board_accepts(shares, minimum, step, expected):
    assert plain(executor.lots_of)(shares, minimum, step, WHOLE) == expected


SALES = [
    (133, 133, 100, 100, 133),  # all at once, the odd part too
    (120, 133, 100, 100, 100),  # 33 odd shares do not fit into the 20 left
    (150, 133 + 300, 100, 100, 133),
    (33, 433, 100, 100, 33),  # the odd part alone
    (32, 433, 100, 100, 0),
    (250, 300, 200, 1, 250),
    (199, 300, 200, 1, 0),
    (50, 50, 200, 1, 50),
]


@pytest.mark.parametrize(("asked", "total", "minimum", "step", "expected"), SALES)
def test_sales_are_whole_lots_or_take_the_whole_remainder(asked, total, minimum, step, expected):
    assert plain(executor.sellable)(asked, total, minimum, step, WHOLE) == expected


READINGS = [
    (10.0, 9.8, 1.0, 0.2),
    (10.0, 5.0, 2.0, 0.0),
    (10.0, 7.54, 1.3, 0.198),
    (20.01, 10.01, 2.0, 0.0),  # ten for ten: 10.005 is stated as 10.01
    (10.0, 9.99, 1.0, 0.01),
]


@pytest.mark.parametrize(("close", "reference", "growth", "dividend"), READINGS)
def test_splits_and_dividends_are_read_off_the_reference(close, reference, growth, dividend):
    found = plain(executor.read_off)(close, close / reference)
    assert found == pytest.approx((growth, dividend), abs=1e-9)


@given(close=st.floats(1, 500), ratio=st.floats(1.0005, 4))
def test_what_one_holds_is_worth_the_same_after_a_split_or_dividend(close, ratio):
    growth, dividend = plain(executor.read_off)(close, ratio)
    assert growth * close / ratio + dividend == pytest.approx(close, abs=0.012 * growth)
    assert (growth * 10) % 1 == pytest.approx(0, abs=1e-9) or (growth * 10) % 1 == pytest.approx(1, abs=1e-9)


TARGETS = [
    (11.0, 11.2, 11.5, 11.2),
    (11.0, 10.5, 11.01, 11.0),
    (11.0, 10.5, 11.0, None),
    (11.0, 11.0, 11.0, None),
    (11.011, 10.5, 11.03, 11.02),
    (11.0, float("nan"), float("nan"), None),
]


@pytest.mark.parametrize(("target", "opened", "high", "expected"), TARGETS)
def test_a_target_fills_at_an_open_above_it_or_where_a_trade_passed_it(target, opened, high, expected):
    found = plain(executor.target_price)(target, opened, high)
    assert np.isnan(found) if expected is None else found == pytest.approx(expected)
