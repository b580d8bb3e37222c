import numpy as np
import pytest

from assets.evaluation.legs import legs


def found(lines):
    return {(line.part, line.metric): line for line in lines}


def test_each_leg_is_the_mean_of_its_names_less_that_of_all(made):
    forecast = np.tile(np.arange(40.0), (30, 1))
    returned = forecast / 100
    lines = found(legs(made(forecast, returned), k=2))
    middle = 19.5
    assert lines["long leg, best tenth", "excess_return"].value == pytest.approx((37.5 - middle) / 100)
    assert lines["long leg, best 2", "excess_return"].value == pytest.approx((38.5 - middle) / 100)
    assert lines["short side, worst tenth", "excess_return"].value == pytest.approx((1.5 - middle) / 100)


def test_a_forecast_that_only_knows_the_losers_has_nothing_in_its_long_leg(made):
    rng = np.random.default_rng(0)
    returned = rng.standard_normal((200, 60)) / 100
    forecast = np.where(returned < -0.01, -1.0, 0) + rng.normal(0, 0.01, returned.shape)
    lines = found(legs(made(forecast, returned), k=5))
    short, long = (lines[part, "excess_return"] for part in ("short side, worst tenth", "long leg, best tenth"))
    assert short.upper < -0.01
    assert long.value < 0.3 * -short.value


def test_a_hit_is_counted_beside_how_often_it_happens_anyway(made):
    """One name in five earns much: four of five lie below the mean, whatever is called."""
    returned = np.tile([0.0, 0, 0, 0, 1], (30, 4))
    forecast = np.random.default_rng(0).standard_normal(returned.shape)
    lines = found(legs(made(forecast, returned), k=2))
    assert lines["called to fall", "base_rate"].value == pytest.approx(0.8)
    assert lines["called to rise", "base_rate"].value == pytest.approx(0.2)
    above = lines["called to fall", "hit_rate_above_base"]
    rate, base = (lines["called to fall", metric].value for metric in ("hit_rate", "base_rate"))
    assert above.value == pytest.approx(rate - base)
    assert abs(above.value) < 0.1


def test_rises_and_falls_are_told_apart(made):
    rng = np.random.default_rng(1)
    returned = rng.standard_normal((100, 50))
    forecast = np.where(returned > 1, 1.0, 0) + rng.normal(0, 0.01, returned.shape)
    lines = found(legs(made(forecast, returned), k=2))
    assert lines["called to rise", "hit_rate"].value > 0.95
    assert lines["called to fall", "hit_rate"].value < 0.75


@pytest.mark.parametrize("forecast", [np.zeros((30, 40)), np.full((30, 40), np.nan)])
def test_a_forecast_that_orders_nothing_has_no_legs(made, forecast):
    returned = np.random.default_rng(0).standard_normal((30, 40))
    assert all(line.sessions == 0 for line in legs(made(forecast, returned), k=2))
