import numpy as np
import pytest

from benchmarks import facts_of_sessions as facts

T, S = 200, 4
CLOCK = np.arange(T)[:, None]
FLAT = np.full((T, S), 10.0)
SIGNS = np.where(CLOCK % 2, 1.0, -1.0) * np.ones(S)


def random(*shape):
    return np.random.default_rng(0).standard_normal(shape)


def test_persistence_and_spread_of_amounts(market_of):
    log_amount = 14.0 + np.where(CLOCK // 20 % 2, 1.0, -1.0) + np.arange(S)
    found = market_of(FLAT, amount=np.exp(log_amount))
    assert facts.volume_persistence_1(found) == pytest.approx(0.9, abs=0.03)
    assert facts.volume_persistence_20(found) == pytest.approx(-1.0)
    assert facts.volume_within(found) == pytest.approx(1.0)
    assert facts.volume_across(found) == pytest.approx(np.std(np.arange(S)))


def test_changes_of_amount_and_what_they_have_in_common(market_of):
    alternating = np.exp(14.0 + 0.5 * SIGNS)
    together = market_of(FLAT, amount=alternating)
    assert facts.volume_change(together) == pytest.approx(1.0, rel=0.01)
    assert facts.volume_in_common(together) == pytest.approx(1.0)
    apart = market_of(FLAT, amount=np.exp(14.0 + 0.5 * SIGNS * [1, -1, 1, -1]))
    assert facts.volume_in_common(apart) == pytest.approx(0.0, abs=1e-12)


def test_amount_moves_with_the_size_of_returns(market_of):
    size = 0.01 + 0.02 * np.random.default_rng(1).random((T, S))
    close = 10.0 * np.exp(SIGNS * size)
    assert facts.volume_and_move(market_of(close, amount=np.exp(14 + 20 * size))) == pytest.approx(1.0)
    assert facts.volume_and_move(market_of(close, amount=np.exp(14 - 20 * size))) == pytest.approx(-1.0)


def test_range_its_persistence_and_its_size_against_the_move(market_of):
    width = np.where(CLOCK // 20 % 2, 0.04, 0.02)
    close = 10.0 * np.exp(0.01 * SIGNS)
    found = market_of(close, high=close * np.exp(width / 2), low=close * np.exp(-width / 2))
    assert facts.day_range(found) == pytest.approx(0.03)
    assert facts.range_to_move(found) == pytest.approx(3.0)
    assert facts.range_persistence(found) == pytest.approx(0.9, abs=0.03)


def test_ranges_of_narrow_and_wide_sessions_are_told_against_the_median(market_of):
    width = np.linspace(0.02, 0.06, T)[:, None] * np.ones(S)
    found = market_of(FLAT, high=FLAT * np.exp(width / 2), low=FLAT * np.exp(-width / 2))
    assert facts.range_narrow(found) == pytest.approx(0.022 / 0.04)
    assert facts.range_wide(found) == pytest.approx(0.058 / 0.04)


def test_overnight_share_of_variance(market_of):
    found = market_of(10.0 * np.exp(0.02 * SIGNS), open=10.0 * np.exp(0.01 * SIGNS))
    assert facts.overnight_share(found) == pytest.approx(0.25)


def test_close_to_vwap_is_a_share_of_the_variance_of_returns(market_of):
    found = market_of(10.0 * np.exp(0.02 * SIGNS), open=FLAT, vwap=10.0 * np.exp(0.01 * SIGNS))
    assert facts.close_to_vwap(found) == pytest.approx(0.25)
