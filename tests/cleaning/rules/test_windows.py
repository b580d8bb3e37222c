import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.cleaning.rules import windows

WINDOW = 7


def holed(seed: int, width: int = 40) -> np.ndarray:
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(3, width))
    values[rng.random(values.shape) < 0.3] = np.nan
    return values


def trailing(values: np.ndarray, figure) -> np.ndarray:
    """The figure over the known values among the last WINDOW, computed cell by cell."""
    found = np.full_like(values, np.nan)
    for row, column in np.ndindex(values.shape):
        known = values[row, max(column - WINDOW + 1, 0) : column + 1]
        known = known[~np.isnan(known)]
        found[row, column] = figure(known) if len(known) else np.nan
    return found


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_windows_equal_what_is_computed_cell_by_cell(seed):
    values = holed(seed)
    np.testing.assert_allclose(windows.mean(values, WINDOW, 1), trailing(values, np.mean))
    np.testing.assert_array_equal(windows.highest(values, WINDOW), trailing(values, np.max))
    np.testing.assert_allclose(windows.median(values, WINDOW, 1), trailing(values, np.median))
    np.testing.assert_allclose(windows.total(values, WINDOW), np.nan_to_num(trailing(values, np.sum)))
    there = ~np.isnan(values)
    np.testing.assert_array_equal(windows.count(there, WINDOW), np.nan_to_num(trailing(values, len)))


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), start=st.integers(0, 20))
def test_windows_are_the_same_to_the_bit_whatever_came_before(seed, start):
    values = holed(seed)
    for figure in (windows.total, windows.highest):
        np.testing.assert_array_equal(figure(values[:, start:], WINDOW)[:, 7:], figure(values, WINDOW)[:, start + 7 :])
    for part in (windows.mean, windows.median):
        np.testing.assert_array_equal(
            part(values[:, start:], WINDOW, 2)[:, 7:], part(values, WINDOW, 2)[:, start + 7 :]
        )
    near, whole = windows.robust_distance(values[:, start:], WINDOW, 2), windows.robust_distance(values, WINDOW, 2)
    np.testing.assert_array_equal(near[:, 15:], whole[:, start + 15 :])


def test_what_came_before_is_strictly_before_and_not_too_old():
    values = np.array([[1.0, np.nan, np.nan, 4.0, 5.0]])
    np.testing.assert_array_equal(windows.last_value(values, 2), [[np.nan, 1.0, 1.0, np.nan, 4.0]])
    np.testing.assert_array_equal(windows.last_place(~np.isnan(values)), [[-1, 0, 0, 0, 3]])
    np.testing.assert_array_equal(windows.earlier(values, 9), [[np.nan] * 5])
    assert windows.earlier_flags(np.array([[True, False, True]]), 1).tolist() == [[False, True, False]]


def test_too_few_values_give_no_figure():
    values = np.array([[1.0, np.nan, 3.0]])
    assert np.isnan(windows.mean(values, 3, 3)).all()
    assert windows.mean(values, 3, 2)[0, 2] == 2.0


def test_a_distance_is_in_standard_deviations_of_a_normal_variable():
    values = np.random.default_rng(0).normal(size=(1, 4000))
    assert np.nanstd(windows.robust_distance(values, 250, 100)) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("shape", [(0, 10), (1, 10), (10, 1), (3, 0)])
def test_a_median_has_the_shape_of_its_values_also_of_one_security_or_none(shape):
    values = np.arange(float(np.prod(shape))).reshape(shape)
    assert windows.median(values, WINDOW, 1).shape == shape
    np.testing.assert_array_equal(windows.median(values, WINDOW, 1), trailing(values, np.median))
