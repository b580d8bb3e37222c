from datetime import date

import numpy as np
import polars as pl
import pytest

from assets.evaluation.cases import cases
from assets.evaluation.exposures import exposures, holdings, standardised
from assets.evaluation.portfolio import simulate
from assets.evaluation.trading import TradingSpec
from assets.wide import Grid

DAYS = [date(2016, 1, day) for day in (4, 5, 6, 7)]


def bars_of(close, factor=None):
    rows = len(close)
    return pl.DataFrame(
        {"session": DAYS[:rows], "security_id": ["a"] * rows, "close": close, "adj_factor": factor or [1.0] * rows},
        schema_overrides={"close": pl.Float64, "adj_factor": pl.Float64},
    )


def order(session, side, shares, status="filled"):
    return {"session": session, "security_id": "a", "side": side, "shares": float(shares), "status": status}


def test_a_holding_is_worth_its_shares_at_each_close():
    orders = pl.DataFrame([order(DAYS[1], "buy", 100), order(DAYS[3], "sell", 100)])
    found = holdings(orders, bars_of([10, 11, 12, 13]), Grid(tuple(DAYS), ("a",)))
    assert found[:, 0].tolist() == [0, 1100, 1200, 0]


def test_a_split_changes_no_holding_and_a_sale_after_it_leaves_nothing():
    orders = pl.DataFrame([order(DAYS[0], "buy", 300), order(DAYS[3], "sell", 600)])
    found = holdings(orders, bars_of([10, 10, 5, 5], [0.7, 0.7, 1.4, 1.4]), Grid(tuple(DAYS), ("a",)))
    assert found[:, 0] == pytest.approx([3000, 3000, 3000, 0])
    assert found[3, 0] == 0


def test_part_of_a_position_may_be_sold_and_a_refused_order_moves_nothing():
    told = [order(DAYS[0], "buy", 100), order(DAYS[1], "sell", 60), order(DAYS[2], "sell", 40, "refused")]
    found = holdings(pl.DataFrame(told), bars_of([1, 1, 1, 1]), Grid(tuple(DAYS), ("a",)))
    assert found[:, 0] == pytest.approx([100, 40, 40, 40])


def test_a_suspended_holding_keeps_its_last_worth():
    found = holdings(pl.DataFrame([order(DAYS[0], "buy", 100)]), bars_of([2, None, None, 3]), Grid(tuple(DAYS), ("a",)))
    assert found[:, 0].tolist() == [200, 200, 200, 300]


def test_a_style_is_told_in_standard_deviations_of_the_members():
    style = np.array([[1.0, 3.0, 100.0, np.nan]])
    member = np.array([[True, True, False, True]])
    found = standardised(style, member)[0]
    assert found.tolist() == pytest.approx([-1, 1, 3, np.nan], nan_ok=True)


def test_a_portfolio_of_the_smallest_names_leans_on_what_is_small(small_market):
    market = small_market(names=30, sessions=200)
    market.forecasts = market.forecasts.join(market.float_shares, on="security_id", how="left").select(
        "session", "security_id", forecast=-pl.col("float_shares")
    )
    told = market.forecasts.filter(pl.col("session") < market.sessions[-1])
    universe = told.select("session", "security_id", is_member=pl.lit(value=True))
    spec = TradingSpec(top_k=5, hold_sessions=5)
    made = simulate(told, market.bars, universe, spec)
    found = cases(told, market.returns, market.bars, market.float_shares, market.industries, horizon=5, hour=20)
    lines = {line.part: line for line in exposures(made.orders, market.bars, found)}
    assert lines["size"].upper < -1
    assert abs(lines["reversal"].value) < 0.6
    assert lines["size"].names == pytest.approx(5, abs=0.5)
    held = holdings(made.orders, market.bars, found.grid).sum(axis=1)
    worth = made.daily["nav"] - made.daily["cash"]
    assert held[1:] == pytest.approx(worth.to_numpy()[: len(held) - 1])
