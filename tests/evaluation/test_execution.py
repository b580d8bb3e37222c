"""Execution: the plan keeps the order of the forecasts, and the books hold what was executed, to the cent."""

from datetime import date

import polars as pl
import pytest

from assets.evaluation.execution import plan_of
from assets.wide import Grid

DAYS = (date(2018, 1, 2), date(2018, 1, 3), date(2018, 1, 4))
GRID = Grid(DAYS, ("a", "b", "c"))


def stated(rows: list[tuple]) -> pl.DataFrame:
    schema = {"session": pl.Date, "security_id": pl.String, "forecast": pl.Float64, "probability_std": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


FORECASTS = stated(
    [
        (DAYS[0], "a", 1.0, 0.2),
        (DAYS[0], "b", 3.0, 0.05),
        (DAYS[0], "c", 3.0, None),
        (DAYS[2], "b", float("nan"), 0.1),
        (DAYS[2], "c", 0.0, 0.1),
    ]
)


def universe(left_out: str = "") -> pl.DataFrame:
    names = pl.DataFrame({"security_id": GRID.securities})
    frame = pl.DataFrame({"session": DAYS}).join(names, how="cross")
    return frame.with_columns(is_member=pl.col("security_id") != left_out)


def test_members_with_a_forecast_stand_best_first_and_ties_fall_to_the_earlier_id():
    plan = plan_of(FORECASTS, universe(), GRID, {})
    assert plan.edge_T1.tolist() == [0, 3, 3, 4]
    assert plan.name_N.tolist() == [1, 2, 0, 2]
    assert plan.may_buy_N.all()
    assert plan_of(FORECASTS, universe("b"), GRID, {}).name_N.tolist() == [2, 0, 2]


def test_a_gate_bars_what_is_above_it_or_not_stated_and_keeps_its_place():
    plan = plan_of(FORECASTS, universe(), GRID, {"probability_std": 0.1})
    assert plan.name_N.tolist() == [1, 2, 0, 2]
    assert plan.may_buy_N.tolist() == [True, False, False, True]


def test_repeated_rows_are_averaged():
    twice = pl.concat([FORECASTS, stated([(DAYS[0], "a", 9.0, 0.1)])])
    assert plan_of(twice, universe(), GRID, {}).name_N.tolist()[:3] == [0, 1, 2]


def test_a_gate_on_what_nobody_states_is_refused():
    with pytest.raises(ValueError, match="sets max_noise_scale, and the forecasts state no noise_scale"):
        plan_of(FORECASTS, universe(), GRID, {"noise_scale": 0.1})
