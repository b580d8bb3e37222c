"""Superior: an independent library, the order of the three p values, and what cannot matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.evaluation.bootstrap import drawn_means, stationary_draws
from assets.evaluation.superior import standard_deviations, superior


def leads(seed: int, sessions: int = 300, trials: int = 8) -> np.ndarray:
    return 0.01 * np.random.default_rng(seed).standard_t(5, (sessions, trials))


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.sampled_from([2.0**-9, 0.1, 100.0]))
def test_the_scale_does_not_matter(seed, scale):
    one, other = superior(leads(seed), draws=200), superior(leads(seed) * scale, draws=200)
    assert (one.lower, one.consistent, one.upper) == (other.lower, other.consistent, other.upper)
    assert one.reality_check == other.reality_check


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000))
def test_the_three_p_values_are_ordered_and_a_trial_alone_has_no_less_than_the_best(seed):
    found = superior(leads(seed) - 0.001 * np.arange(8), draws=200)
    assert 0 <= found.lower <= found.consistent <= found.upper <= 1
    assert found.own_N.min() == found.own_N[found.best]
    if found.t_N.max() > 0:
        assert found.own_N[found.best] == found.consistent


def test_the_scale_of_one_trial_does_not_matter_either_once_it_is_studentised():
    x = leads(3)
    wild = x.copy()
    wild[:, 5] *= 64
    one, other = superior(x, block=3.0), superior(wild, block=3.0)
    assert one.consistent == other.consistent
    assert one.reality_check != other.reality_check


def test_the_order_of_the_trials_does_not_matter():
    x, order = leads(4), np.random.default_rng(0).permutation(8)
    one, other = superior(x), superior(x[:, order])
    assert (one.lower, one.consistent, one.upper) == (other.lower, other.consistent, other.upper)
    assert one.t_N[order] == pytest.approx(other.t_N)


def test_a_steady_lead_is_found_beside_a_wild_trial_and_the_reality_check_misses_it():
    x = leads(0, sessions=500)
    x[:, 2] += 0.0025
    x[:, 6] *= 20
    found = superior(x)
    assert found.best == 2
    assert found.consistent < 0.01 < 0.2 < found.reality_check


def test_trials_that_are_plainly_worse_do_not_weaken_the_test():
    x = leads(1, sessions=500, trials=4)
    x[:, 0] += 0.0012
    worse = leads(2, sessions=500, trials=200) - 0.01
    alone, beside = superior(x, block=3.0), superior(np.column_stack([x, worse]), block=3.0)
    assert beside.consistent == pytest.approx(alone.consistent, abs=0.01)
    assert beside.upper > alone.upper + 0.05


def test_p_values_agree_with_an_independent_library():
    """arch does not studentise, so trials of equal noise are compared, and White's check."""
    bootstrap = pytest.importorskip("arch.bootstrap", reason="arch is not installed")
    for seed in range(4):
        x = leads(seed) + 0.0006
        theirs = bootstrap.SPA(np.zeros(300), -x, block_size=4, reps=2000, seed=seed)
        theirs.compute()
        ours = superior(x, seed=seed, block=4.0)
        assert ours.reality_check == pytest.approx(theirs.pvalues["upper"], abs=0.04)


def test_the_standard_deviation_is_that_of_the_drawn_means():
    steps = np.random.default_rng(0).standard_normal((201, 3))
    x = steps[1:] + 0.7 * steps[:-1]
    means = drawn_means(x, stationary_draws(200, 20_000, 6.0, seed=0))
    assert standard_deviations(x, 6.0) == pytest.approx(np.sqrt(200) * means.std(axis=0), rel=0.02)
    assert standard_deviations(x, 1.0) == pytest.approx(x.std(axis=0))


def test_a_lead_of_none_is_told_to_be_none():
    found = superior(np.zeros((100, 3)), block=2.0)
    assert (found.lower, found.consistent, found.upper, found.reality_check) == (1, 1, 1, 1)
    copy = np.column_stack([np.zeros(300), leads(5)[:, 0] - 0.01])
    assert superior(copy).consistent == 1


def test_luck_alone_is_rarely_taken_for_a_lead():
    found = [superior(leads(seed, sessions=250, trials=10), draws=300).consistent for seed in range(200)]
    assert 0.01 <= np.mean(np.array(found) < 0.05) <= 0.09


def test_what_cannot_be_tested_is_refused():
    with pytest.raises(ValueError, match=r"shape \(50, 0\)"):
        superior(np.zeros((50, 0)))
    with pytest.raises(ValueError, match="19 sessions are too few"):
        superior(np.ones((19, 2)), block=2.0)
    with pytest.raises(ValueError, match="20 leads are not finite"):
        superior(np.array([[0.1], [np.nan]] * 20))
    with pytest.raises(ValueError, match="trial 1 never changes"):
        superior(np.column_stack([leads(0)[:, 0], np.full(300, 0.1)]))
