from datetime import date

import polars as pl
import pytest

from assets.evaluation import earned_pictures as drawing

SESSIONS = pl.date_range(date(2016, 1, 1), date(2016, 5, 1), eager=True).alias("session")
DAILY = pl.DataFrame(SESSIONS).with_columns(
    net_return=pl.lit(0.001), benchmark_return=pl.lit(0.002), excess_return=pl.lit(-0.001)
)
REFUSED = pl.DataFrame({"side": ["buy"], "reason": ["locked_up"], "orders": [3], "share": [0.01]})
RETURNS = [0.12, 0.01, 0.02, 0.0, -0.01, 0.03, 0.02, 0.05]
FIGURES = pl.DataFrame(
    {
        "metric": drawing.BY_CAUSE,
        "value": RETURNS,
        "lower": [None, *(value - 0.01 for value in RETURNS[1:])],
        "upper": [None, *(value + 0.01 for value in RETURNS[1:])],
    }
)

DRAWN = {
    "worth": lambda _: drawing.worth(DAILY),
    "refused_orders": lambda _: drawing.refused_orders(REFUSED),
    "lost_by_cause": lambda _: drawing.lost_by_cause(FIGURES),
    "by_capital": lambda curve: drawing.by_capital(curve),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_picture_is_a_png_and_the_same_for_the_same_input(name, curve):
    first = DRAWN[name](curve)
    assert first.startswith(b"\x89PNG")
    assert first == DRAWN[name](curve)


def test_a_picture_differs_when_its_input_does(curve):
    assert drawing.worth(DAILY) != drawing.worth(DAILY.with_columns(net_return=pl.lit(0.002)))
    assert drawing.lost_by_cause(FIGURES) != drawing.lost_by_cause(FIGURES.with_columns(pl.col("value") * 2))
    assert drawing.by_capital(curve) != drawing.by_capital(curve.with_columns(pl.col("invested") / 2))


def test_figures_may_come_in_any_order():
    assert drawing.lost_by_cause(FIGURES) == drawing.lost_by_cause(FIGURES.reverse())


def test_losses_are_labelled_below_0_with_their_bounds_the_right_way_round():
    cause = drawing._labels((12.0, float("nan"), float("nan")), [(1.0, 0.5, 2.5)], (5.0, 4.0, 6.0))
    assert cause == ["+12.00", "-1.00 [-2.50, -0.50]", "+5.00 [+4.00, +6.00]"]
