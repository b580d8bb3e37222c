"""Pooling: independent worlds add up to one figure, and too small a world does not hide."""

import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.evaluation.intervals import Interval, interval
from benchmarks.pooling import contains_0, pooled_mean, pooled_z


def world(mean: float, error: float) -> Interval:
    return Interval(mean, mean - 2 * error, mean + 2 * error, mean / error, 15, 240)


@given(st.integers(1, 40), st.floats(0.001, 0.1), st.floats(0.001, 0.1))
def test_equal_worlds_add_up_with_the_root_of_their_number(many: int, mean: float, error: float) -> None:
    assert pooled_z([world(mean, error)] * many) == pytest.approx(math.sqrt(many) * mean / error)


def test_worlds_that_disagree_cancel() -> None:
    assert pooled_z([world(0.03, 0.01), world(-0.03, 0.01)]) == pytest.approx(0, abs=1e-12)


def test_the_pooled_z_of_noise_scatters_by_about_one() -> None:
    rng = np.random.default_rng(100)
    found = [pooled_z([interval(rng.normal(size=243), 5) for _ in range(20)]) for _ in range(300)]
    assert np.std(found) == pytest.approx(1.05, abs=0.12)
    assert np.mean(np.abs(found) > 3.3) < 0.01


def test_a_world_without_an_interval_is_no_success() -> None:
    missing = interval([0.1] * 5, 5)
    assert math.isnan(pooled_z([world(0.01, 0.01), missing]))
    assert contains_0([world(0.01, 0.01), missing, world(0.1, 0.01)]) == 1


def test_a_daily_figure_is_averaged_over_worlds_before_its_interval() -> None:
    days = pl.date_range(date(2015, 1, 1), date(2015, 6, 30), eager=True).alias("session")
    rng = np.random.default_rng(101)
    series = [pl.DataFrame(days).with_columns(x=pl.Series(0.5 + rng.normal(size=len(days)))) for _ in range(50)]
    found = pooled_mean(series, 5)
    assert (found.n, found.lower < found.mean < found.upper) == (len(days), True)
    assert found.mean == pytest.approx(np.mean([one["x"].mean() for one in series]))
    assert math.isnan(pooled_mean([], 5).mean)
