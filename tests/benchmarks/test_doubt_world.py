"""Doubt world: its probabilities, its volatility and its doubt are what is drawn, and nothing of them is told."""

import numpy as np
import pytest

from benchmarks.doubt_world import COLUMNS, JUMP, LEAST_SHARED, MOST_SHARED, TONE_COUNTS, doubt_world


@pytest.fixture(scope="module")
def world():
    return doubt_world(1)


def column(world, name):
    return world.panel.x_STF[:, :, COLUMNS.index(name)].astype(np.float64)


def test_it_rises_as_often_as_its_probability_says(world):
    rises = world.panel.label_ST > 0
    for low in np.arange(0, 1, 0.2):
        inside = (world.probability_ST >= low) & (world.probability_ST < low + 0.2)
        assert rises[inside].mean() == pytest.approx(world.probability_ST[inside].mean(), abs=0.015)


def test_the_label_is_as_wide_as_its_volatility_whatever_the_direction(world):
    z = world.panel.label_ST / world.volatility_ST
    assert np.sqrt((z**2).mean()) == pytest.approx(1, abs=0.01)
    events = column(world, "event") == 1
    assert np.log(world.volatility_ST[events]).mean() - np.log(world.volatility_ST[~events]).mean() == pytest.approx(
        JUMP, abs=0.02
    )


def test_the_shock_is_shared_by_a_session_and_followed_as_far_as_exposed(world):
    logit = np.log(world.probability_ST / (1 - world.probability_ST)) - TONE_COUNTS * column(world, "tone")
    shared = LEAST_SHARED + (MOST_SHARED - LEAST_SHARED) / (1 + np.exp(-2 * column(world, "exposure")))
    shock = logit / shared
    np.testing.assert_allclose(shock, np.broadcast_to(shock.mean(0), shock.shape), atol=1e-4)
    assert abs(np.corrcoef(shock[0, 1:], shock[0, :-1])[0, 1]) < 0.1


def test_the_return_told_is_that_of_the_session_before(world):
    np.testing.assert_array_equal(
        world.panel.x_STF[:, 1:, COLUMNS.index("log_return")], world.panel.label_ST[:, :-1].astype(np.float32)
    )
