"""Overfitting: a case worked by hand, cases with a certain answer, and what cannot matter."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.evaluation.overfitting import overfitting

BY_HAND = np.array([[4, 1, 0], [4, 1, 0], [-2, 1, 0], [-2, 1, 0]], dtype=float)


def noise(seed: int, sessions: int, trials: int) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((sessions, trials))


def test_the_case_worked_by_hand():
    found = overfitting(BY_HAND, blocks=4, metric="mean")
    assert found.logit_C == pytest.approx([math.log(1 / 3), *[math.log(0.625 / 0.375)] * 4, 0.0])
    assert found.probability == pytest.approx(2 / 6)
    assert found.loss == pytest.approx(1 / 6)
    assert found.chosen_C == pytest.approx([4, 1, 1, 1, 1, 1])
    assert found.after_C == pytest.approx([-2, 1, 1, 1, 1, 1])


def test_trials_of_equal_total_turn_round_surely():
    x = noise(0, 800, 100)
    found = overfitting(x - x.mean(axis=0), blocks=8, metric="mean")
    assert found.logit_C == pytest.approx(math.log(1 / 100))
    assert found.probability == 1
    assert found.slope == pytest.approx(-1)


def test_a_trial_that_leads_in_every_block_is_no_overfit():
    x = noise(0, 800, 20)
    x[:, 7] = np.abs(x).max(axis=1) + 1
    found = overfitting(x, blocks=8, metric="mean")
    assert found.probability == 0
    assert found.loss == 0


def test_noise_is_a_coin_on_average_and_far_off_one_by_one():
    found = [overfitting(noise(seed, 1000, 100), blocks=8).probability for seed in range(100, 140)]
    assert np.mean(found) == pytest.approx(0.543, abs=5e-4)
    assert np.std(found) == pytest.approx(0.151, abs=5e-4)
    assert (min(found), max(found)) == (pytest.approx(0.257, abs=5e-4), pytest.approx(0.929, abs=5e-4))


def test_the_other_half_is_what_the_chosen_half_leaves_out():
    x = noise(1, 64, 5)
    found = overfitting(x, blocks=8)
    for place, taken in enumerate(combinations(range(8), 4)):
        rows = np.isin(np.arange(64) // 8, taken)
        before, after = (half.mean(axis=0) / half.std(axis=0, ddof=1) for half in (x[rows], x[~rows]))
        best = int(before.argmax())
        assert found.chosen_C[place] == pytest.approx(before[best])
        assert found.after_C[place] == pytest.approx(after[best])
        rank = (after <= after[best]).sum()
        assert found.logit_C[place] == pytest.approx(math.log(rank / (6 - rank)))


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 12), st.sampled_from(["sharpe", "mean"]))
def test_the_order_of_the_trials_does_not_matter(seed, trials, metric):
    x = noise(seed, 90, trials)
    x[:, -1] = x[:, 0]  # a trial made twice
    shuffled = x[:, np.random.default_rng(seed + 1).permutation(trials)]
    one, other = (overfitting(y, blocks=6, metric=metric) for y in (x, shuffled))
    assert 0 <= one.probability <= 1
    assert 0 <= one.loss <= 1
    assert np.array_equal(one.logit_C, other.logit_C)
    assert np.array_equal(one.after_C, other.after_C)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.sampled_from([0.5, 64.0]))
def test_the_unit_does_not_matter(seed, scale):
    x = noise(seed, 60, 6)
    assert np.array_equal(overfitting(x, 4).logit_C, overfitting(x * scale, 4).logit_C)


def test_the_first_sessions_are_left_out_where_blocks_would_differ():
    x = noise(2, 85, 4)
    assert np.array_equal(overfitting(x, 8).logit_C, overfitting(x[5:], 8).logit_C)


def test_a_trial_that_stays_in_cash_has_a_ratio_of_zero():
    x = noise(3, 80, 3) - 10
    x[:, 1] = 0.0
    found = overfitting(x, 4)
    assert (found.chosen_C == 0).all()
    assert math.isnan(found.slope)


@pytest.mark.parametrize(
    ("shape", "blocks", "words"),
    [((80, 1), 8, "among 1 trials"), ((80, 4), 7, "blocks were 7"), ((15, 4), 8, "15 sessions are too few")],
)
def test_what_cannot_be_told_is_refused(shape, blocks, words):
    with pytest.raises(ValueError, match=words):
        overfitting(noise(0, *shape), blocks)
