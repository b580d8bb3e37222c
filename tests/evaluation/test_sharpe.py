"""Sharpe: published anchors, what surely holds of any track record, and what is refused."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assets.evaluation.sharpe import (
    Track,
    autocorrelation_factor,
    first_autocorrelation,
    haircut,
    least_track_record,
    probabilistic_sharpe,
)

RATIOS = st.floats(-0.5, 0.5)


def drawn(seed: int, sessions: int = 300, mean: float = 0.0) -> np.ndarray:
    return 0.01 * (np.random.default_rng(seed).standard_t(5, sessions) + mean)


def normal(sharpe: float, sessions: int = 250) -> Track:
    return Track(sharpe, 0.0, 3.0, sessions)


def test_moments_are_those_of_an_independent_library():
    returns = drawn(0)
    track = Track.of(returns)
    assert track.sharpe == pytest.approx(returns.mean() / returns.std(ddof=1))
    assert track.skewness == pytest.approx(stats.skew(returns))
    assert track.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))
    assert track.sessions == 300


def test_published_track_records():
    hedge_fund = Track(1.585 / math.sqrt(12), -2.448, 10.164, 24)
    assert probabilistic_sharpe(hedge_fund) == pytest.approx(0.9132343069, abs=5e-11)
    two, one = 2 / math.sqrt(250), 1 / math.sqrt(250)
    assert least_track_record(normal(two), one) / 250 == pytest.approx(2.7311878017, abs=5e-11)


def test_published_haircuts():
    found = haircut(1.0, 120, 12, 100, 0.1)
    assert found.autocorrelated == pytest.approx(0.912245, abs=5e-7)
    assert found.p_adjusted == pytest.approx(0.465123, abs=5e-7)
    assert found.sharpe == pytest.approx(0.231731, abs=5e-7)
    assert found.share == pytest.approx(0.74598, abs=5e-6)


def test_the_probability_is_the_share_of_luckless_records_that_look_worse():
    """With a true ratio of 0, the PSR is above .95 in about 5 of 100 records, fat tails or not."""
    x = 0.01 * np.random.default_rng(0).standard_t(4, (2000, 500))
    above = np.mean([probabilistic_sharpe(Track.of(row)) > 0.95 for row in x])
    assert 0.035 < above < 0.065


def test_days_that_follow_each_other_are_worth_fewer():
    """Sessions with an autocorrelation of .2: taken as independent, luckless records look sure too often."""
    steps = 0.01 * np.random.default_rng(0).standard_normal((2000, 500))
    x = np.zeros_like(steps)
    for t in range(500):
        x[:, t] = 0.2 * x[:, t - 1] + steps[:, t]
    tracks = [Track.of(row) for row in x]
    assert np.mean([track.autocorrelation for track in tracks]) == pytest.approx(0.2, abs=0.01)
    above = np.mean([probabilistic_sharpe(track) > 0.95 for track in tracks])
    assert 0.035 < above < 0.065
    blind = [probabilistic_sharpe(Track(t.sharpe, t.skewness, t.kurtosis, t.sessions)) > 0.95 for t in tracks]
    assert np.mean(blind) > 0.075


@settings(deadline=None)
@given(RATIOS, RATIOS)
def test_a_higher_ratio_is_never_less_probable(a, b):
    low, high = sorted((a, b))
    assert probabilistic_sharpe(normal(low)) <= probabilistic_sharpe(normal(high))
    assert 0 <= probabilistic_sharpe(normal(low)) <= 1


@settings(deadline=None)
@given(st.floats(0.01, 0.5), st.floats(0, 0.005))
def test_a_record_of_the_least_length_has_just_the_level_asked(sharpe, benchmark):
    least = least_track_record(normal(sharpe), benchmark, 0.95)
    z = (sharpe - benchmark) / math.sqrt((1 + sharpe**2 / 2) / (least - 1))
    assert stats.norm.cdf(z) == pytest.approx(0.95)


@settings(deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.25, 2.0, 1024.0]))
def test_the_unit_of_the_returns_does_not_matter(seed, scale):
    assert Track.of(drawn(seed) * scale).sharpe == Track.of(drawn(seed)).sharpe
    assert probabilistic_sharpe(Track.of(drawn(seed) * scale)) == probabilistic_sharpe(Track.of(drawn(seed)))


def test_losses_with_long_tails_make_a_ratio_less_sure():
    assert probabilistic_sharpe(Track(0.1, -2, 9, 250)) < probabilistic_sharpe(normal(0.1))


def test_a_ratio_that_is_not_above_is_never_long_enough():
    assert least_track_record(normal(0.1), 0.1) == math.inf
    assert least_track_record(normal(-0.1)) == math.inf


@settings(deadline=None)
@given(st.floats(0.1, 4), st.integers(1, 500), st.integers(1, 500))
def test_more_tries_leave_less(annual, a, b):
    few, many = sorted((a, b))
    assert haircut(annual, 1000, 243, many).sharpe <= haircut(annual, 1000, 243, few).sharpe + 1e-9
    assert haircut(annual, 1000, 243, 1).sharpe == pytest.approx(annual)


def test_a_loss_is_left_as_it_is():
    found = haircut(-1.0, 120, 12, 100)
    assert (found.sharpe, found.share) == (-1.0, 0.0)


def test_days_that_follow_each_other_shrink_an_annual_ratio():
    assert autocorrelation_factor(0.1, 243) < autocorrelation_factor(0.0, 243) == 1 < autocorrelation_factor(-0.1, 243)
    steps = np.random.default_rng(0).standard_normal(20_001)
    assert first_autocorrelation(steps[1:] + 0.5 * steps[:-1]) == pytest.approx(0.4, abs=0.02)
    assert first_autocorrelation(np.ones(5)) == 0


def test_returns_that_never_change_have_no_ratio():
    still = Track.of(np.full(50, 0.001))
    assert math.isnan(still.sharpe)
    assert math.isnan(probabilistic_sharpe(still))
    assert math.isnan(least_track_record(still))


def test_what_no_law_has_is_refused():
    with pytest.raises(ValueError, match="kurtosis was 0"):
        Track(0.1, 0.0, 0.0, 100)
    with pytest.raises(ValueError, match="at least 3 observations, was 2"):
        normal(0.1, sessions=2)
    with pytest.raises(ValueError, match="1 returns are not finite"):
        Track.of(np.array([0.1, np.nan, 0.2, 0.3]))
    with pytest.raises(ValueError, match=r"autocorrelation was -0\.1; give one from 0"):
        Track(0.1, 0.0, 3.0, 100, -0.1)
    with pytest.raises(ValueError, match="autocorrelation was 1"):
        autocorrelation_factor(1.0, 12)
