import math

import numpy as np
import polars as pl
import pytest

from assets.evaluation.intervals import (
    CRITICAL_VALUES,
    critical_value,
    interval,
    lag_of,
    paired,
    standard_errors,
)


def moving_sums(draws: int, sessions: int, horizon: int, seed: int = 0) -> np.ndarray:
    """MA(h - 1) noise with mean 0: what overlapping labels of `horizon` sessions make of independent days."""
    steps = np.random.default_rng(seed).standard_normal((draws, sessions + horizon))
    sums = np.cumsum(steps, axis=1)
    return sums[:, horizon:] - sums[:, :-horizon]


def coverage(horizon: int, sessions: int, draws: int, lag: int) -> float:
    x = moving_sums(draws, sessions, horizon)
    reach = critical_value((lag + 1) / sessions, 0.95) * standard_errors(x, lag)
    return float((np.abs(x.mean(axis=1)) <= reach).mean())


def test_an_interval_covers_the_mean_of_overlapping_noise():
    assert coverage(horizon=5, sessions=480, draws=2000, lag=lag_of(480, 5)) >= 0.92


def test_a_lag_of_the_overlap_alone_covers_too_little_so_the_coverage_test_can_fail():
    assert coverage(horizon=5, sessions=480, draws=2000, lag=4) < 0.92


@pytest.mark.parametrize("horizon", [1, 10])
def test_coverage_holds_at_other_horizons(horizon):
    assert coverage(horizon, sessions=480, draws=2000, lag=lag_of(480, horizon)) >= 0.92


@pytest.mark.parametrize("b", [0.02, 0.1, 0.3, 0.5])
def test_critical_values_are_the_quantiles_of_the_fixed_b_limit(b):
    sessions, draws = 500, 60_000
    x = np.random.default_rng(1).standard_normal((draws, sessions))
    t = np.abs(x.mean(axis=1)) / standard_errors(x, int(b * sessions) - 1)
    for level in CRITICAL_VALUES:
        assert critical_value(b, level) == pytest.approx(np.quantile(t, level), rel=0.04)


def test_the_standard_error_is_the_bartlett_sum_over_autocovariances():
    x = moving_sums(3, 200, 5)
    centred = x - x.mean(axis=1, keepdims=True)
    for lag in (0, 4, 15, 60):
        covariances = [(centred[:, j:] * centred[:, : 200 - j]).sum(axis=1) / 200 for j in range(lag + 1)]
        weighted = covariances[0] + 2 * sum((1 - j / (lag + 1)) * covariances[j] for j in range(1, lag + 1))
        np.testing.assert_allclose(standard_errors(x, lag), np.sqrt(weighted / 200), rtol=1e-10)


def test_the_interval_agrees_with_a_stationary_block_bootstrap():
    bootstrap = pytest.importorskip("arch.bootstrap", reason="arch is not installed")
    x = moving_sums(1, 480, 5, seed=3)[0] / 5 + 0.1
    found = interval(x, horizon=5)
    means = bootstrap.StationaryBootstrap(20, x, seed=0).apply(np.mean, 1000)[:, 0]
    lower, upper = np.quantile(means, [0.025, 0.975])
    assert (found.upper - found.lower) == pytest.approx(upper - lower, rel=0.3)


def test_days_without_a_value_are_dropped_and_counted():
    values = moving_sums(1, 100, 1)[0].tolist()
    holed = pl.Series([None, *values[:50], math.nan, *values[50:]], strict=False)
    found, whole = interval(holed, 1), interval(values, 1)
    assert (found.dropped, found.n) == (2, 100)
    assert (found.mean, found.lower, found.upper) == (whole.mean, whole.lower, whole.upper)


@pytest.mark.parametrize(("sessions", "horizon"), [(0, 5), (19, 1), (29, 5), (59, 10)])
def test_too_few_days_have_no_interval_and_it_says_so(sessions, horizon):
    found = interval(np.ones(sessions), horizon)
    assert math.isnan(found.lower)
    assert math.isnan(found.upper)
    assert f"{sessions} sessions" in found.note
    assert found.verdict() == found.note


def test_verdicts_name_the_side_of_zero():
    noise = moving_sums(1, 400, 1)[0]
    assert interval(noise + 1, 1).verdict() == "above 0"
    assert interval(noise - 1, 1).verdict() == "below 0"
    assert interval(noise - noise.mean(), 1).verdict() == "not told apart from 0"


def test_a_paired_difference_uses_the_common_sessions_only():
    sessions = pl.Series("session", range(60))
    common = moving_sums(1, 60, 1)[0]
    a = pl.DataFrame({"session": sessions, "rank_ic": common + 0.5})
    b = pl.DataFrame({"session": sessions, "rank_ic": common}).filter(pl.col("session") >= 20)
    found = paired(a, b.sample(fraction=1, shuffle=True, seed=0), "rank_ic", horizon=1)
    assert found.n == 40
    assert found.mean == pytest.approx(0.5)
    assert found.upper - found.lower == pytest.approx(0, abs=1e-9)


def test_the_lag_is_three_horizons_or_more():
    assert [lag_of(480, h) for h in (1, 5, 20)] == [29, 29, 60]


def test_unknown_levels_and_horizons_are_refused():
    with pytest.raises(ValueError, match=r"level was 0\.97; critical values are known for"):
        critical_value(0.1, 0.97)
    with pytest.raises(ValueError, match="horizon was 0"):
        interval(np.ones(100), horizon=0)
