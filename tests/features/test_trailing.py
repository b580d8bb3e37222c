import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.features.trailing import moved_later, trailing_count, trailing_sum


@pytest.fixture(scope="module")
def values():
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(3, 300))
    drawn[rng.random(drawn.shape) < 0.2] = np.nan
    return drawn


@pytest.mark.parametrize("window", [1, 2, 3, 5, 19, 20, 55, 60, 120])
def test_a_sum_and_a_count_are_those_of_the_sessions_of_the_window(values, window):
    slices = [values[:, max(t - window + 1, 0) : t + 1] for t in range(values.shape[1])]
    expected = np.stack([np.nansum(part, axis=1) for part in slices], axis=1)
    np.testing.assert_allclose(trailing_sum(values, window), expected, rtol=0, atol=1e-13)
    counted = np.stack([(~np.isnan(part)).sum(axis=1) for part in slices], axis=1)
    np.testing.assert_array_equal(trailing_count(values, window), counted)


@settings(max_examples=40, deadline=None)
@given(window=st.integers(1, 130), more=st.integers(0, 100))
def test_earlier_sessions_do_not_change_one_bit(values, window, more):
    first = more + window - 1
    np.testing.assert_array_equal(
        trailing_sum(values[:, more:], window)[:, window - 1 :], trailing_sum(values, window)[:, first:]
    )


def test_what_was_some_sessions_ago_is_nothing_at_the_start():
    np.testing.assert_array_equal(moved_later(np.array([[1.0, 2.0, 3.0]]), 2), [[np.nan, np.nan, 1.0]])
    np.testing.assert_array_equal(moved_later(np.array([[1.0, 2.0]]), 5), [[np.nan, np.nan]])


def test_a_window_longer_than_the_grid_holds_all_of_it():
    np.testing.assert_array_equal(trailing_sum(np.array([[1.0, np.nan, 3.0]]), 120), [[1.0, 1.0, 4.0]])
    assert trailing_sum(np.zeros((2, 0)), 5).shape == (2, 0)
