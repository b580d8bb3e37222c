"""Strategies: what is drawn has the tails, the likeness and the skill that it is said to have."""

import math

import numpy as np
import pytest
from scipy import stats

from assets.evaluation.deflation import mean_correlation, sharpes
from assets.evaluation.sharpe import first_autocorrelation
from benchmarks.strategies import SESSIONS, STRATEGIES, strategies

WORLDS = [strategies(seed) for seed in range(40)]


def test_a_world_is_fixed_by_its_seed():
    assert np.array_equal(strategies(3), WORLDS[3])
    assert not np.array_equal(strategies(3), strategies(4))
    assert WORLDS[0].shape == (SESSIONS, STRATEGIES) == (1215, 20)


def test_tails_are_fat_and_strategies_alike():
    assert np.median([stats.kurtosis(x, fisher=False) for x in WORLDS]) == pytest.approx(6.6, abs=0.5)
    assert np.mean([mean_correlation(x) for x in WORLDS]) == pytest.approx(0.2, abs=0.02)
    assert np.mean([x.std() for x in WORLDS]) == pytest.approx(0.005, rel=0.1)


def test_large_moves_follow_large_ones_and_returns_nothing():
    size = [first_autocorrelation(np.abs(x[:, 0])) for x in WORLDS]
    assert 0.1 < np.mean(size) < 0.4
    assert np.mean([first_autocorrelation(x[:, 0]) for x in WORLDS]) == pytest.approx(0, abs=0.02)
    following = [first_autocorrelation(strategies(seed, follows=0.15)[:, 0]) for seed in range(40)]
    assert np.mean(following) == pytest.approx(0.15, abs=0.02)


def test_skill_is_the_firsts_alone():
    gain = np.mean([sharpes(strategies(seed, 2.0)) - sharpes(WORLDS[seed]) for seed in range(40)], axis=0)
    assert gain[0] * math.sqrt(243) == pytest.approx(2.0, rel=0.1)
    assert gain[1:] == pytest.approx(0)
