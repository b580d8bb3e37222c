import math

import polars as pl
import pytest

from assets.evaluation import earned_section as earned
from assets.evaluation.trading import TradingSpec

DEPTH = pl.DataFrame(
    {
        "kind": ["age", "age", "age", "age", "all"],
        "part": ["0 sessions", "2 sessions", "1 session", "2 sessions", "all"],
        "metric": ["rank_ic", "rank_ic", "rank_ic", "autocorrelation", "rank_ic"],
        "value": [0.04, 0.01, 0.03, 0.9, 0.04],
    }
)
NONE = DEPTH.clear()


@pytest.mark.parametrize(("sessions", "expected"), [(0, 0.04), (0.5, 0.035), (1.5, 0.02), (2, 0.01)])
def test_the_rank_ic_of_an_older_forecast_lies_between_the_ages_measured(sessions, expected):
    assert earned.rank_ic_when_older(DEPTH, sessions) == pytest.approx(expected)


def test_nothing_is_told_beyond_the_ages_measured():
    assert math.isnan(earned.rank_ic_when_older(DEPTH, 2.1))
    assert math.isnan(earned.rank_ic_when_older(DEPTH, math.nan))
    assert math.isnan(earned.rank_ic_when_older(NONE, 1))


@pytest.mark.parametrize(
    ("gain", "said"),
    [
        (0.0, "is kept up to about 27.2 million yuan"),
        (1.0, "All of these sums keep an information ratio of 0.5 a year"),
        (-1.0, "None of these sums keeps an information ratio of 0.5 a year"),
    ],
)
def test_the_capital_that_keeps_the_ratio_is_told_in_words(gain, said, curve):
    assert said in earned.kept(curve.with_columns(pl.col("excess_return_annual") + gain))


@pytest.mark.parametrize(
    ("capital", "text"), [(1e7, "10 million"), (10**7.5, "31.6 million"), (1e9, "1 billion"), (10**9.5, "3.16 billion")]
)
def test_a_sum_is_told_in_words(capital, text):
    assert earned.yuan(capital) == text


def test_each_capital_has_a_line_and_what_is_not_known_a_dash(curve):
    first, second = earned.told(TradingSpec(), NONE, curve, {})
    assert first == ""
    assert "What larger sums would have earned" in second
    lines = second.split("<tbody>")[1].split("<tr>")[1:]
    assert [line.count("<td") for line in lines] == [7, 7, 7]
    assert "+10.00% [+2.00%, +18.00%]" in lines[0]
    assert "31.6 million" in lines[1]
    assert "+4.00%<" in lines[1]
    assert lines[2].endswith(">30.00<td class=number>-</tbody></table></section>")
    dated = earned.told(TradingSpec(), DEPTH, curve, {})[1].split("<tbody>")[1].split("<tr>")[1:]
    assert [">.035" in dated[0], ">.020" in dated[1], ">-" in dated[2]] == [True, True, True]


def test_without_a_portfolio_nothing_is_told(curve):
    assert earned.told(TradingSpec(), DEPTH, curve.clear(), {}) == ["", ""]
    assert earned.drawn(None, pl.DataFrame(), curve.clear()) == {}


def test_the_rule_that_was_traded_is_told(curve):
    text = earned.told(TradingSpec(top_k=7, hold_sessions=4), NONE, curve.clear(), {"worth": b"x"})[0]
    assert "the 7 best are bought with 1/4 of the net asset value, and sold 4 sessions later" in text
    assert "The first 4 sessions, in which the money is put to work, count in no return." in text


def test_refusals_are_counted_as_shares_of_their_side():
    orders = pl.DataFrame(
        {
            "side": ["buy", "buy", "buy", "sell"],
            "status": ["filled", "refused", "refused", "refused"],
            "reason": [None, "locked_up", "locked_up", "suspended"],
        }
    )
    found = earned.refusals(orders)
    assert found.rows() == [("buy", "locked_up", 2, pytest.approx(2 / 3)), ("sell", "suspended", 1, 1.0)]
