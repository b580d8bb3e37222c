"""Bootstrap: the law of the drawn blocks, an independent library, and what a seed fixes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.evaluation.bootstrap import (
    block_length,
    drawn_means,
    paired,
    shared_block,
    stationary_draws,
)


def following(seed: int, sessions: int, rho: float) -> np.ndarray:
    """AR(1) noise."""
    steps = np.random.default_rng(seed).standard_normal(sessions + 100)
    x = np.zeros(len(steps))
    for t in range(1, len(steps)):
        x[t] = rho * x[t - 1] + steps[t]
    return x[100:]


@settings(deadline=None)
@given(st.integers(20, 200), st.floats(1, 30), st.integers(0, 1000))
def test_a_seed_fixes_every_draw(sessions, block, seed):
    draws = stationary_draws(sessions, 50, block, seed)
    assert np.array_equal(draws, stationary_draws(sessions, 50, block, seed))
    assert draws.min() >= 0
    assert draws.max() < sessions
    assert not np.array_equal(draws, stationary_draws(sessions, 50, block, seed + 1))


@pytest.mark.parametrize("block", [1.0, 4.0, 20.0])
def test_blocks_are_as_long_as_asked_and_every_session_is_as_likely(block):
    draws = stationary_draws(100, 5000, block, seed=0)
    goes_on = (draws[:, 1:] - draws[:, :-1]) % 100 == 1
    assert goes_on.mean() == pytest.approx(1 - 1 / block + 1 / block / 100, abs=0.01)
    share = np.bincount(draws.ravel(), minlength=100) / draws.size
    assert share == pytest.approx(np.full(100, 0.01), rel=0.15)


def test_means_are_those_of_the_drawn_sessions_of_all_series_together():
    x = np.random.default_rng(0).standard_normal((60, 3))
    places = stationary_draws(60, 20, 5, seed=1)
    assert drawn_means(x, places) == pytest.approx(x[places].mean(axis=1), abs=1e-12)


@pytest.mark.parametrize(("rho", "seed"), [(0.0, 0), (0.3, 1), (0.6, 2), (0.9, 3)])
def test_the_block_length_is_that_of_an_independent_library(rho, seed):
    bootstrap = pytest.importorskip("arch.bootstrap", reason="arch is not installed")
    x = following(seed, 1000, rho)
    theirs = float(bootstrap.optimal_block_length(x)["stationary"].iloc[0])
    assert block_length(x) == pytest.approx(max(theirs, 1.0), rel=1e-6)


def test_days_that_follow_each_other_ask_for_longer_blocks():
    found = [np.mean([block_length(following(seed, 1000, rho)) for seed in range(5)]) for rho in (0.0, 0.5, 0.9)]
    assert found == sorted(found)
    assert found[0] < 6 < found[1]
    x = np.column_stack([following(0, 500, 0.0), following(1, 500, 0.8)])
    assert shared_block(x) == pytest.approx(np.mean([block_length(x[:, 0]), block_length(x[:, 1])]))


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(20, 300))
def test_a_block_is_at_least_a_session_and_at_most_a_third_of_all(seed, sessions):
    x = np.cumsum(np.random.default_rng(seed).standard_normal(sessions))
    assert 1 <= block_length(x) <= np.ceil(sessions / 3)


def test_a_paired_difference_takes_off_what_both_share():
    rng = np.random.default_rng(0)
    market, own = rng.standard_normal(500), 0.1 * rng.standard_normal(500)
    found = paired(market + own + 0.05, market)
    assert found.lower < found.mean < found.upper
    assert found.upper - found.lower < 0.03
    assert found.lower > 0
    assert found == paired(market + own + 0.05, market)
    assert paired(2 * market, market).upper - paired(2 * market, market).lower > 0.1


def test_the_interval_covers_the_mean_of_overlapping_noise():
    steps = np.random.default_rng(0).standard_normal((300, 484))
    sums = np.cumsum(steps, axis=1)
    x = sums[:, 5:] - sums[:, :-5]
    found = [paired(row, np.zeros(479), draws=400) for row in x]
    assert np.mean([one.lower <= 0 <= one.upper for one in found]) > 0.88


def test_an_interval_of_single_days_covers_too_little_so_the_coverage_test_can_fail():
    steps = np.random.default_rng(0).standard_normal((200, 484))
    sums = np.cumsum(steps, axis=1)
    x = sums[:, 5:] - sums[:, :-5]
    means = [drawn_means(row[:, None], stationary_draws(479, 400, 1.0, 0)) for row in x]
    covered = [np.quantile(m, 0.025) <= 0 <= np.quantile(m, 0.975) for m in means]
    assert np.mean(covered) < 0.8


def test_what_cannot_be_drawn_is_refused():
    assert block_length(np.full(50, 0.1)) == 1
    with pytest.raises(ValueError, match=r"mean block length was 0\.5"):
        stationary_draws(10, 5, 0.5, 0)
    with pytest.raises(ValueError, match="19 sessions are too few"):
        block_length(np.arange(19.0))
    with pytest.raises(ValueError, match="30 and 29 sessions cannot be paired"):
        paired(np.zeros(30), np.zeros(29))
