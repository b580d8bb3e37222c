import numpy as np
import pytest

from assets.features.market_line import moments

T = 200


@pytest.fixture(scope="module")
def drawn():
    rng = np.random.default_rng(1)
    market = rng.normal(0, 0.01, T)
    returns = np.array([[0.5], [1.5], [-0.3]]) * market + rng.normal(0, 0.02, (3, T))
    returns[rng.random(returns.shape) < 0.2] = np.nan
    return returns, market


def test_slope_and_correlation_are_those_of_the_traded_sessions(drawn):
    returns, market = drawn
    found = moments(returns, market, 60, 30)
    slope, correlation = found.slope(), found.correlation()
    for t in (59, 120, 199):
        own, other = returns[1, t - 59 : t + 1], market[t - 59 : t + 1]
        here = ~np.isnan(own)
        assert slope[1, t] == pytest.approx(np.polyfit(other[here], own[here], 1)[0], abs=1e-9)
        assert correlation[1, t] == pytest.approx(np.corrcoef(other[here], own[here])[0, 1], abs=1e-9)


def test_momentum_is_what_the_line_leaves_in_units_of_its_deviation(drawn):
    returns, market = drawn
    slope = moments(returns, market, 120, 60).slope()
    found = moments(returns, market, 55, 28, 5).momentum(slope)
    for t in (130, 199):
        left = (returns[0] - slope[0, t] * market)[t - 59 : t - 4]
        left = left[~np.isnan(left)]
        assert found[0, t] == pytest.approx(left.sum() / (left.std(ddof=1) * np.sqrt(len(left))), abs=1e-9)


def test_too_few_traded_sessions_give_nothing(drawn):
    returns, market = drawn
    sparse = returns.copy()
    sparse[0, 100:] = np.nan
    slope = moments(sparse, market, 60, 30).slope()
    enough = [int((~np.isnan(sparse[0, max(t - 59, 0) : t + 1])).sum()) >= 30 for t in range(T)]
    assert np.isfinite(slope[0]).tolist() == enough
    assert not all(enough[60:])


def test_what_stands_still_has_no_line():
    still = np.zeros((1, 30))
    market = np.random.default_rng(0).normal(size=30)
    assert np.isnan(moments(still, market, 20, 10).correlation()).all()
    assert np.isnan(moments(market[None], np.full(30, 0.1), 20, 10).slope()).all()
    same = moments(market[None] * 0.5, market, 20, 10)
    assert np.isnan(same.momentum(same.slope())).all()
    assert np.nanmax(same.correlation()) <= 1.0
