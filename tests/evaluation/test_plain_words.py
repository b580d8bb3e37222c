from datetime import date

import numpy as np
import polars as pl
import pytest
from scipy import stats

from assets.evaluation.depth import depth
from assets.evaluation.line import Line
from assets.evaluation.plain_words import EMBEDDED, does_not_show, glossary, in_short, pairs_in_order

WINDOWS = pl.DataFrame(
    {
        "fold": ["a", "b", "b"],
        "segment": ["test", "test", "train"],
        "first": [date(2016, 1, 4), date(2016, 7, 1), date(2015, 1, 1)],
        "last": [date(2016, 6, 30), date(2016, 12, 30), date(2015, 6, 1)],
        "sessions": [120, 121, 100],
    }
)


def line(kind, part, metric, value, lower, upper):
    return Line(kind, part, metric, value, lower, upper, "correlation", 100, 50.0)


def text(*lines, market="files") -> str:
    return " ".join(in_short(depth(lines), WINDOWS, 5, market))


def test_the_windows_and_the_horizon_are_told():
    said = text()
    assert "over the next 5 sessions" in said
    assert "done 2 times, from 2016-01-04 to 2016-12-30" in said


@pytest.mark.parametrize(
    ("lower", "upper", "said"),
    [(0.01, 0.05, "hardly give so much"), (-0.05, -0.01, "hardly give so little"), (-0.01, 0.05, "could give that"),
     (float("nan"), float("nan"), "too few sessions")],
)  # fmt: skip
def test_what_is_found_is_told_with_what_luck_makes_of_it(lower, upper, said):
    assert said in text(line("all", "all", "rank_ic", 0.03, lower, upper))


def test_what_is_not_there_is_not_told():
    assert "Of two names" not in text()
    assert "best tenth" not in text(line("all", "all", "rank_ic", 0.03, 0.01, 0.05))


def test_a_made_up_market_is_called_so():
    assert "made up" in text(market=EMBEDDED)
    assert "made up" not in text(market="files")


def test_pairs_in_order_are_those_of_normal_values():
    rng = np.random.default_rng(0)
    x = rng.standard_normal(4000)
    y = 0.4 * x + rng.standard_normal(4000)
    right = 50 + 50 * stats.kendalltau(x, y).statistic
    assert pairs_in_order(stats.spearmanr(x, y).statistic) == pytest.approx(right, abs=0.3)
    assert pairs_in_order(0.0) == 50
    assert pairs_in_order(1.0) == pytest.approx(100)


def test_how_many_slices_lie_off_0_is_told_beside_what_luck_makes():
    lines = [line("industry", f"i{k}", "rank_ic", 0.03 * sign, 0.02 * sign - 0.01, 0.02 * sign + 0.01) for k, sign in
             enumerate([1, 1, -1] + [0] * 37)]  # fmt: skip
    said = " ".join(does_not_show(depth(lines), trading=True))
    assert "40 slices have an interval; 2 lie above 0 and 1 below" in said
    assert "about 2 would" in said


def test_without_a_portfolio_nothing_is_said_of_what_trading_costs():
    assert "How far an order moves its price" in " ".join(does_not_show(depth([]), trading=True))
    assert "How far an order moves its price" not in " ".join(does_not_show(depth([]), trading=False))


def test_the_words_explained_are_those_that_are_used():
    plain, traded = glossary(depth([]), trading=False), glossary(depth([]), trading=True)
    assert "Tracking error" in traded
    assert "Tracking error" not in plain
    told = glossary(depth([line("probability", "all", "brier", 0.2, 0.1, 0.3)]), trading=False)
    assert set(told) - set(plain) == {"Brier score", "Risk by coverage"}
    assert all(len(meaning) > 30 for meaning in (traded | told).values())
