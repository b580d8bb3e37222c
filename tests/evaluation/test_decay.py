import numpy as np
import pytest

from assets.evaluation.decay import decay


def found(lines):
    return {(line.kind, line.part, line.metric): line for line in lines}


@pytest.fixture
def lasting(made):
    """Returns that follow yesterday's forecast as well as today's: what is told lasts for two sessions."""
    rng = np.random.default_rng(0)
    told = rng.standard_normal((300, 80))
    returned = rng.normal(0, 3, told.shape) + told
    returned[1:] += told[:-1]
    return made(told, returned, horizons={5: rng.standard_normal(told.shape)})


def test_an_old_forecast_is_held_against_the_later_return(lasting):
    lines = found(decay(lasting))
    assert lines["age", "0 sessions", "rank_ic"].lower > 0.1
    assert lines["age", "1 session", "rank_ic"].lower > 0.1
    assert abs(lines["age", "2 sessions", "rank_ic"].value) < 0.02
    assert lines["age", "1 session", "rank_ic"].sessions == 299


def test_each_horizon_has_its_rank_ic(lasting):
    lines = found(decay(lasting))
    assert lines["horizon", "1 session", "rank_ic"].value == lines["age", "0 sessions", "rank_ic"].value
    line = lines["horizon", "5 sessions", "rank_ic"]
    assert line.lower < 0 < line.upper


def test_an_order_that_stays_has_autocorrelation_1_and_replaces_nothing(made):
    forecast = np.tile(np.arange(50.0), (60, 1))
    lines = found(decay(made(forecast, np.random.default_rng(0).standard_normal(forecast.shape))))
    assert lines["age", "5 sessions", "autocorrelation"].value == pytest.approx(1)
    assert lines["age", "5 sessions", "top_tenth_replaced"].value == 0


def test_an_order_drawn_anew_replaces_nine_tenths_of_its_best_tenth(made):
    rng = np.random.default_rng(0)
    lines = found(decay(made(rng.standard_normal((300, 100)), rng.standard_normal((300, 100)))))
    assert lines["age", "1 session", "top_tenth_replaced"].value == pytest.approx(0.9, abs=0.02)
    assert abs(lines["age", "1 session", "autocorrelation"].value) < 0.02


def test_a_name_that_leaves_is_replaced(made):
    forecast = np.tile(np.arange(20.0), (30, 1))
    forecast[1::2, -1] = np.nan
    lines = found(decay(made(forecast, np.random.default_rng(0).standard_normal(forecast.shape))))
    assert lines["age", "1 session", "top_tenth_replaced"].value == pytest.approx(0.5)


def test_ages_beyond_the_test_are_left_out(made):
    rng = np.random.default_rng(0)
    lines = found(decay(made(rng.standard_normal((3, 20)), rng.standard_normal((3, 20)))))
    assert {part for kind, part, _ in lines if kind == "age"} == {"0 sessions", "1 session", "2 sessions"}
