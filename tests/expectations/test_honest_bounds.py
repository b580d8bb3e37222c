"""Honest bounds: the ceiling grows with the horizon, and chance is added where a world is small."""

import numpy as np
import pytest

from expectations.honest_bounds import (
    COLUMN,
    FORECAST,
    Daily,
    ceiling,
    daily,
    hit_rate_bound,
    icir_bound,
    rank_ic_bound,
)


def measured(mean: float, deviation: float = 0.15, sessions: int = 600, names: float = 340, horizon: int = 5) -> Daily:
    return Daily(mean, deviation, sessions, names, sessions / horizon)


@pytest.mark.parametrize(("horizon", "honest"), [(1, 0.139), (5, 0.193)])
def test_the_strongest_honest_forecasts_of_real_names_are_believed_and_a_leak_of_030_is_not(
    horizon: int, honest: float
) -> None:
    bound = rank_ic_bound(measured(honest, horizon=horizon), FORECAST, horizon)
    assert honest < bound < 0.3


def test_what_one_column_may_tell_is_half_of_what_a_model_may() -> None:
    assert ceiling(COLUMN, 5) == pytest.approx(ceiling(FORECAST, 5) / 2)
    assert 0.079 < ceiling(COLUMN, 10) < 0.12


def test_a_longer_horizon_is_believed_more_and_a_larger_world_less() -> None:
    assert ceiling(FORECAST, 1) < ceiling(FORECAST, 5) < ceiling(FORECAST, 20)
    wide, narrow = measured(0.1, 0.05), measured(0.1, 0.05, names=5)
    assert rank_ic_bound(wide, FORECAST, 5) < rank_ic_bound(narrow, FORECAST, 5)
    assert rank_ic_bound(wide, FORECAST, 5) < rank_ic_bound(measured(0.1, 0.05, sessions=60), FORECAST, 5)
    assert icir_bound(wide, FORECAST, 5) > icir_bound(narrow, FORECAST, 5) - 1


def test_names_that_move_together_make_the_error_larger_than_their_number_says() -> None:
    assert measured(0.0, deviation=0.15).error > 2 * measured(0.0, deviation=0.0).error


def test_labels_that_overlap_count_once() -> None:
    values = np.zeros(100)
    assert daily(values, np.full(100, 50.0), 5).independent == pytest.approx(20)
    assert daily(values, np.full(100, 50.0), 5, stride=7).independent == pytest.approx(100)


def test_days_without_a_value_do_not_count() -> None:
    found = daily(np.array([0.1, np.nan, 0.3]), np.array([10.0, 99.0, 20.0]), 1)
    assert (found.mean, found.sessions, found.names) == (pytest.approx(0.2), 2, 15.0)


def test_one_day_shows_nothing_and_is_never_too_good() -> None:
    one = daily(np.array([1.0]), np.array([9.0]), 5)
    assert rank_ic_bound(one, COLUMN, 5) == icir_bound(one, COLUMN, 5) == float("inf")
    assert hit_rate_bound(one, COLUMN, 5) == 1.0


def test_the_hit_rate_follows_from_the_rank_ic() -> None:
    rng = np.random.default_rng(100)
    x = rng.normal(size=400_000)
    y = ceiling(FORECAST, 5) * x + rng.normal(size=400_000)
    exact = Daily(0.5, 0.0, 10**9, 10**9, 10**9)
    assert np.mean((x > 0) == (y > 0)) == pytest.approx(hit_rate_bound(exact, FORECAST, 5), abs=0.005)


def test_the_error_of_a_null_covers_what_unrelated_columns_show() -> None:
    rng = np.random.default_rng(100)
    beyond = []
    for _ in range(300):
        found = daily(rng.normal(0, 1 / np.sqrt(49), 80), np.full(80, 50.0), 1)
        beyond.append(abs(found.mean) > 2 * found.error)
    assert np.mean(beyond) < 0.08
