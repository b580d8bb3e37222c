"""Deflation: published anchors, how luck grows with the number of trials, and how many trials there really are."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.evaluation.deflation import (
    clusters,
    deflated_sharpe,
    effective_trials,
    expected_maximum,
    least_backtest,
    mean_correlation,
    sharpes,
    trial_variance,
)
from assets.evaluation.sharpe import Track, probabilistic_sharpe

TRACK = Track(2.5 / math.sqrt(250), -3.0, 10.0, 1250)


def alike(seed: int, groups: int, each: int, rho: float, sessions: int = 500) -> np.ndarray:
    """Trials in groups; two of a group have correlation rho, two of different groups none."""
    rng = np.random.default_rng(seed)
    shared = np.repeat(rng.standard_normal((sessions, groups)), each, axis=1)
    return math.sqrt(rho) * shared + math.sqrt(1 - rho) * rng.standard_normal((sessions, groups * each))


def test_published_maxima_and_deflated_ratios():
    assert expected_maximum(100) == pytest.approx(2.5306028932, abs=5e-11)
    assert expected_maximum(45) == pytest.approx(2.23564, abs=5e-6)
    assert deflated_sharpe(TRACK, 100, 0.5 / 250) == pytest.approx(0.9003968344, abs=5e-11)
    assert least_backtest(45, 1.0) == pytest.approx(4.9980870044, abs=5e-11)


@pytest.mark.parametrize("trials", [5, 20, 100])
def test_the_expected_maximum_is_that_of_normal_draws(trials):
    draws = np.random.default_rng(0).standard_normal((20_000, trials)).max(axis=1)
    assert expected_maximum(trials, 4.0) == pytest.approx(2 * draws.mean(), rel=0.04)


@settings(deadline=None)
@given(st.floats(1, 10_000), st.floats(1, 10_000), st.floats(1e-6, 0.01))
def test_the_deflated_ratio_falls_as_trials_are_added(a, b, variance):
    few, many = sorted((a, b))
    assert deflated_sharpe(TRACK, many, variance) <= deflated_sharpe(TRACK, few, variance)
    assert 0 <= deflated_sharpe(TRACK, many, variance) <= deflated_sharpe(TRACK, 1, variance)


def test_one_trial_has_no_luck_to_be_taken_off():
    assert expected_maximum(1) == 0
    assert deflated_sharpe(TRACK, 1, 0.01) == probabilistic_sharpe(TRACK)


def test_effective_trials_lie_between_one_and_all():
    assert effective_trials(20, 0.0) == effective_trials(20, -0.3) == 20
    assert effective_trials(20, 1.0) == 1
    assert effective_trials(20, 0.5) == 10.5


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(2, 12))
def test_the_mean_correlation_is_that_of_the_pairs(seed, trials):
    x = alike(seed, 1, trials, 0.3, sessions=60)
    pairs = np.corrcoef(x, rowvar=False)[np.triu_indices(trials, 1)]
    assert mean_correlation(x) == pytest.approx(pairs.mean(), abs=1e-12)
    order = np.random.default_rng(seed).permutation(trials)
    assert mean_correlation(x[:, order]) == pytest.approx(mean_correlation(x), abs=1e-12)


def test_trials_of_one_idea_are_one_cluster():
    assert clusters(alike(0, groups=4, each=5, rho=0.9)) == 4
    assert clusters(alike(0, groups=20, each=1, rho=0.0)) == 20
    assert clusters(alike(0, groups=1, each=1, rho=0.0)) == 1


def test_a_trial_that_never_trades_tells_nothing_of_the_others():
    x = alike(0, groups=3, each=1, rho=0.0)
    with_cash = np.column_stack([x, np.zeros(len(x))])
    assert mean_correlation(with_cash) == mean_correlation(x)
    assert clusters(with_cash) == clusters(x) == 3
    assert math.isnan(mean_correlation(x[:, :1]))
    found = sharpes(with_cash)
    assert math.isnan(found[3])
    assert found[0] == pytest.approx(Track.of(x[:, 0]).sharpe)


def test_what_cannot_be_is_refused():
    with pytest.raises(ValueError, match="trials were 0"):
        expected_maximum(0)
    with pytest.raises(ValueError, match="annual Sharpe ratio was 0"):
        least_backtest(10, 0.0)


def test_the_spread_of_a_few_trials_is_not_below_that_of_noise():
    x = np.random.default_rng(0).standard_normal((300, 20))
    assert trial_variance(x) == pytest.approx(max(sharpes(x).var(ddof=1), 1 / 299), rel=0.02)
    equal = x - x.mean(axis=0)
    assert trial_variance(equal) == pytest.approx(1 / 299, rel=0.1)
    assert trial_variance(np.repeat(x[:, :1], 4, axis=1)) == pytest.approx(0, abs=1e-12)
    with pytest.raises(ValueError, match="spread of 1 Sharpe ratios"):
        trial_variance(x[:, :1])
