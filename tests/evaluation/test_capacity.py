"""Capacity: more money earns less, the grid is read between its roots, and what cannot be told is not."""

import math

import numpy as np
import polars as pl
import pytest

from assets.evaluation.capacity import CAPITALS, capacity, largest_capital
from assets.evaluation.trading import TradingSpec
from benchmarks.wild_markets import wild_market

CURVE = pl.DataFrame(
    {
        "capital": [1e6, 4e6, 9e6, 16e6],
        "excess_return_annual": [0.12, 0.09, 0.06, 0.03],
        "deviation_annual": [0.1] * 4,
    }
)


@pytest.mark.parametrize(
    ("ratio", "expected"), [(0.9, 4e6), (0.75, 2500.0**2), (0.3, math.inf), (2.0, 0.0), (1.2, 1e6), (0.6, 9e6)]
)
def test_the_largest_capital_lies_on_the_line_over_the_roots(ratio, expected):
    assert largest_capital(CURVE, ratio) == pytest.approx(expected)


def test_more_money_fills_less_and_takes_longer_to_leave():
    bars, universe, forecasts = wild_market(np.random.default_rng(4))
    spec = TradingSpec(top_k=3, hold_sessions=2, participation=0.1, impact=0.7)
    found = capacity(forecasts, bars, universe, spec, (1e5, 1e7, 1e9))
    assert found["capital"].to_list() == [1e5, 1e7, 1e9]
    assert found["filled"].is_sorted(descending=True)
    assert found["sessions_to_exit"].is_sorted()
    assert found["invested"].is_sorted(descending=True)
    bounded = found.filter((pl.col("lower") <= pl.col("excess_return_annual")) & (pl.col("upper") >= pl.col("lower")))
    assert len(bounded) == 3


def test_a_test_that_has_just_begun_has_no_curve_until_a_session_counts():
    bars, universe, forecasts = wild_market(np.random.default_rng(4))
    days = forecasts["session"].unique().sort()

    def rows(sessions: int) -> int:
        few = forecasts.filter(pl.col("session").is_in(days[:sessions].implode()))
        return capacity(few, bars, universe, TradingSpec(hold_sessions=5)).height

    assert [rows(3), rows(5), rows(6)] == [0, 0, len(CAPITALS)]
