"""Trading: settings become rules, and what cannot be is refused."""

import math

import pytest
from pydantic import ValidationError

from assets.evaluation.trading import TradingSpec


def test_the_rules_are_those_of_the_settings():
    rules = TradingSpec(holding="dropout", top_k=7, drop=2, capital=1234.56, take_profit=0.058, impact=1.0).rules()
    assert (rules.dropout, rules.top_k, rules.drop, rules.capital) == (True, 7, 2, 123_456.0)
    assert (rules.take_profit, rules.participation, rules.impact, rules.taxed) == (0.058, 0.1, 1.0, True)
    free = TradingSpec(participation=None, dividend_tax="none").rules()
    assert (free.dropout, free.take_profit, free.participation, free.taxed) == (False, math.inf, math.inf, False)


def test_the_gates_are_the_bounds_that_are_set():
    assert TradingSpec().gates == {}
    assert TradingSpec(max_probability_std=0.1).gates == {"probability_std": 0.1}


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"holding": "dropout", "top_k": 3, "drop": 4}, "drop was 4, above top_k 3"),
        ({"participation": 0.0}, "participation"),
        ({"price": "high"}, "price"),
        ({"commission": 0.01}, "commission"),
    ],
)
def test_impossible_settings_are_refused(setting, message):
    with pytest.raises(ValidationError, match=message):
        TradingSpec(**setting)
