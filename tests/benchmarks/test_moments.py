import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from benchmarks.moments import (
    FEWEST,
    autocorrelation,
    blocks,
    correlation,
    deviation,
    mean,
    middle,
    moment,
    quantile,
    share,
)

VALUES = arrays(np.float64, (80, 2), elements=st.floats(-10, 10, width=32))
HOLES = arrays(np.bool_, (80, 2))


@settings(max_examples=50, deadline=None)
@given(VALUES, HOLES)
def test_what_is_missing_is_left_out(values, holes):
    holed = np.where(holes, np.nan, values)
    for column in range(2):
        present = values[~holes[:, column], column]
        if len(present):
            assert mean(holed)[column] == pytest.approx(present.mean(), abs=1e-9)
        if len(present) >= FEWEST:
            assert moment(holed, 2)[column] == pytest.approx(present.var(), abs=1e-9)
        else:
            assert np.isnan(deviation(holed)[column])


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 15))
def test_correlation_is_over_the_cells_that_both_have(seed, missing):
    rng = np.random.default_rng(seed)
    left, right = rng.standard_normal((2, 80, 1))
    left[rng.integers(0, 80, missing)] = np.nan
    both = ~np.isnan(left[:, 0])
    expected = np.corrcoef(left[both, 0], right[both, 0])[0, 1]
    if both.sum() >= FEWEST:
        assert correlation(left, right)[0] == pytest.approx(expected)


def test_a_quantile_is_taken_of_what_is_there():
    assert quantile(np.array([[3.0, np.nan], [1.0, 2.0]]), 0.5) == 2.0
    assert np.isnan(quantile(np.array([np.nan]), 0.5))


def test_autocorrelation_of_a_wave():
    wave = np.tile([1.0, 0.0, -1.0, 0.0], 40)[:, None]
    assert autocorrelation(wave, 4)[0] == pytest.approx(1.0)
    assert autocorrelation(wave, 2)[0] == pytest.approx(-1.0)
    assert autocorrelation(wave, 1)[0] == pytest.approx(0.0, abs=0.02)


def test_a_block_needs_half_of_its_sessions():
    values = np.ones((45, 1))
    values[20:31] = np.nan
    assert np.isnan(blocks(values, 20)[1, 0])
    assert blocks(values, 20).shape == (2, 1)
    assert blocks(values, 20)[0, 0] == 1.0


def test_nothing_has_no_median_and_no_share():
    assert np.isnan(middle(np.array([np.nan])))
    assert np.isnan(share(np.array([True]), np.array([False])))
