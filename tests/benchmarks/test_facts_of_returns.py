import numpy as np
import pytest
from scipy import stats

from benchmarks import facts_of_returns as facts

T = 400
CLOCK = np.arange(T)
SIGNS = np.where(CLOCK % 2, 1.0, -1.0)


def random(shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


def pairs(own_T):
    """Two names that move against each other, so the market stands still and each return is its own."""
    return np.stack([own_T, -own_T], axis=1)


def alike(market_T, names=3):
    """Names that all move with the market."""
    return np.tile(np.asarray(market_T)[:, None], (1, names))


def test_scales_of_a_name_of_the_market_and_across_names(moved):
    apart = np.array([-0.01, 0.01])
    found = moved(0.02 * SIGNS[:, None] + apart)
    assert facts.return_scale(found) == pytest.approx(0.02)
    assert facts.market_scale(found) == pytest.approx(0.02)
    assert facts.dispersion(found) == pytest.approx(0.01)


def test_tails_and_skewness_are_those_of_scipy(moved):
    own = 0.004 * random((T, 1))[:, 0] * np.exp(0.5 * random((T, 1), 1)[:, 0])
    found = moved(pairs(own))
    assert facts.tail_kurtosis(found) == pytest.approx(stats.kurtosis(own))
    common = moved(alike(own))
    assert facts.market_kurtosis(common) == pytest.approx(stats.kurtosis(own))
    assert facts.market_skewness(common) == pytest.approx(stats.skew(own))


def test_own_skewness_is_the_median_of_names(moved):
    rises = np.zeros((T, 3))
    for place in range(3):
        rises[place * 10 :: 40, place] = 0.05
    found = moved(rises)
    assert facts.own_skewness(found) == pytest.approx(np.median(stats.skew(found.own)))
    assert facts.own_skewness(found) > 1
    assert facts.own_skewness(moved(-rises)) == pytest.approx(-facts.own_skewness(found))


def test_tail_share_counts_moves_beyond_four_deviations(moved):
    own = 0.001 * SIGNS
    own[[50, 250]] = 0.05, -0.05
    assert facts.tail_share(moved(pairs(own))) == pytest.approx(2 / T)


def test_falls_and_rises_of_the_market_are_shares_of_sessions(moved):
    market = np.zeros(T)
    market[:8], market[8:10], market[10:20] = -0.04, 0.035, -0.02
    found = moved(alike(market))
    assert facts.market_falls(found) == pytest.approx(8 / T)
    assert facts.market_rises(found) == pytest.approx(2 / T)


@pytest.mark.parametrize(("lag", "expected"), [(1, 0.6), (5, -1.0), (20, 1.0)])
def test_clustering_is_the_autocorrelation_of_sizes(moved, lag, expected):
    sizes = np.where(CLOCK // 5 % 2, 0.03, 0.01) * np.where(random(T) > 0, 1.0, -1.0)
    own, market = getattr(facts, f"own_clustering_{lag}"), getattr(facts, f"market_clustering_{lag}")
    assert own(moved(pairs(sizes))) == pytest.approx(expected, abs=0.01)
    assert market(moved(alike(sizes))) == pytest.approx(expected, abs=0.01)


def test_clustering_pairs_sessions_and_not_rows_across_a_suspension(market_of):
    sizes = np.where(CLOCK % 2, 0.03, 0.01) * np.where(random(T) > 0, 1.0, -1.0)
    suspended = np.zeros((T, 2), bool)
    suspended[100:101] = suspended[200:201] = True
    suspended[:, 1] = False
    halted = market_of(10 * np.exp(np.stack([sizes, sizes], axis=1)), suspended=suspended)
    assert np.nanmin(facts.autocorrelation(np.abs(halted.returns), 1)) == pytest.approx(-1.0)


def test_regimes_are_the_spread_of_log_volatility_over_blocks(moved):
    sizes = np.where(CLOCK // 20 % 2, 0.02, 0.01) * SIGNS
    common, own = moved(alike(sizes)), moved(pairs(sizes))
    assert facts.market_regimes(common) == pytest.approx(np.log(2) / 2)
    assert facts.market_regime_persistence(common) == pytest.approx(-1.0)
    assert facts.own_regimes(own) == pytest.approx(np.log(2) / 2)
    assert facts.dispersion_persistence(own) == pytest.approx(-1.0)
    slow = np.where(CLOCK // 100 % 2, 0.02, 0.01) * SIGNS
    assert facts.market_regime_persistence(moved(alike(slow))) > 0.6


def test_variance_ratios_are_a_fifth_in_a_zigzag_one_in_noise_and_five_in_a_trend(moved):
    noise = 0.01 * random((T, 1))[:, 0]
    assert facts.market_variance_ratio(moved(alike(0.01 * SIGNS))) == pytest.approx(1 / 5, rel=0.01)
    assert facts.own_variance_ratio(moved(pairs(noise))) == pytest.approx(1.0, abs=0.25)
    trend = np.where(CLOCK // 100 % 2, 0.01, -0.01)
    assert facts.own_variance_ratio(moved(pairs(trend))) == pytest.approx(5.0, rel=0.05)


def test_leverage_is_below_zero_where_falls_bring_unrest(moved):
    market = 0.002 * SIGNS
    market[::20] = -0.02
    for after in range(1, 6):
        market[after::20] = 0.02 * SIGNS[after::20]
    rising = market.copy()
    rising[::20] = 0.02
    expected = np.corrcoef(market[:-5], np.mean([np.abs(market[k : T - 5 + k]) for k in range(1, 6)], axis=0))[0, 1]
    assert facts.leverage(moved(alike(market))) == pytest.approx(expected)
    assert expected < -0.1
    assert facts.leverage(moved(alike(rising))) > 0.1


def test_correlation_between_names_and_the_share_of_the_first_component(moved):
    assert facts.pairwise_correlation(moved(alike(0.01 * random(T)))) == pytest.approx(1.0)
    assert facts.first_component(moved(alike(0.01 * random(T)))) == pytest.approx(1.0)
    apart = 0.01 * random((T, 20))
    found = moved(apart)
    off_diagonal = np.corrcoef(apart.T)[~np.eye(20, dtype=bool)]
    assert facts.pairwise_correlation(found) == pytest.approx(off_diagonal.mean())
    largest = np.linalg.eigvalsh(np.corrcoef(apart.T))[-1]
    assert facts.first_component(found) == pytest.approx(largest / 20)


def test_groups_are_seen_in_the_first_components_of_own_returns(moved):
    groups = np.repeat(0.01 * random((T, 5)), 20, axis=1)
    alone = 0.01 * random((T, 100), 1)
    assert facts.group_components(moved(groups)) == pytest.approx(1.0)
    assert facts.group_components(moved(alone)) < 0.2


def test_shares_of_components_are_compared_at_the_same_number_of_names(moved):
    many = moved(0.01 * random((T, 400)))
    assert facts._correlations(many.own).shape == (200, 200)


def test_spread_of_volatility_and_beta_across_names(moved):
    scales = np.array([0.01, 0.01, 0.02, 0.02])
    opposed = np.array([1, -1, 1, -1]) * scales
    found = moved(SIGNS[:, None] * opposed)
    assert facts.volatility_spread(found) == pytest.approx(np.log(2) / 2)
    betas = np.array([0.5, 1.5])
    assert facts.beta_spread(moved(0.01 * SIGNS[:, None] * betas)) == pytest.approx(0.5)
