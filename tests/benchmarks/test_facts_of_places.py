import numpy as np
import pytest

from benchmarks import facts_of_places as facts

T, S = 400, 5
CLOCK = np.arange(T)[:, None]
FLAT = np.full((T, S), 10.0)
SIGNS = np.where(CLOCK % 2, 1.0, -1.0) * np.ones(S)
WIDE = {"high": FLAT + 0.5, "low": FLAT - 0.5}
BY_QUANTILE = (facts.vwap_place_5, facts.vwap_place_25, facts.vwap_place_75, facts.vwap_place_95)


def at(place):
    """Prices at given places of a range of 1 yuan around 10."""
    return 9.5 + np.broadcast_to(place, (T, S))


def test_place_of_the_vwap_and_its_correlation_with_the_return(market_of):
    vwap = FLAT + 0.1 * SIGNS
    with_return = market_of(FLAT + 0.2 * SIGNS, vwap=vwap, open=FLAT, **WIDE)
    assert facts.vwap_place(with_return) == pytest.approx(0.1)
    assert facts.vwap_place_and_return(with_return) == pytest.approx(1.0)
    against = market_of(FLAT - 0.2 * SIGNS, vwap=vwap, open=FLAT, **WIDE)
    assert facts.vwap_place_and_return(against) == pytest.approx(-1.0)


def test_quantiles_of_the_vwap_are_distances_from_the_middle(market_of):
    found = market_of(FLAT, vwap=at(np.linspace(0.2, 0.6, T)[:, None]), **WIDE)
    assert [fact(found) for fact in BY_QUANTILE] == pytest.approx([0.28, 0.2, 0.0, 0.08], abs=1e-6)


def test_two_peaks_and_a_bell_of_one_spread_are_told_apart(market_of):
    rng = np.random.default_rng(0)
    bell = market_of(FLAT, vwap=at(0.5 + 0.15 * rng.standard_normal((T, S)).clip(-3, 3)), **WIDE)
    peaks = market_of(FLAT, vwap=at(0.5 + 0.15 * SIGNS), **WIDE)
    assert facts.vwap_place(peaks) == pytest.approx(facts.vwap_place(bell), rel=0.05)
    assert facts.vwap_place_25(bell) == pytest.approx(0.101, abs=0.01)
    assert facts.vwap_place_25(peaks) == pytest.approx(0.15)
    assert facts.vwap_in_middle_tenth(bell) == pytest.approx(0.26, abs=0.03)
    assert facts.vwap_in_middle_tenth(peaks) == 0
    assert facts.vwap_in_middle_third(peaks) == 1
    assert facts.vwap_in_middle_third(bell) == pytest.approx(0.73, abs=0.03)


def test_places_of_open_and_close_leave_out_sessions_without_a_range(market_of):
    opened, close = FLAT + 0.1 * SIGNS, FLAT + 0.2 * SIGNS
    high, low = np.full((T, S), 10.5), np.full((T, S), 9.5)
    high[:20] = low[:20] = close[:20] = opened[:20] = 10
    found = market_of(close, open=opened, high=high, low=low)
    assert facts.open_place(found) == pytest.approx(0.1)
    assert facts.close_place(found) == pytest.approx(0.2)
    assert facts.open_place_half(found) == pytest.approx(0.2)
    assert facts.close_place_half(found) == pytest.approx(0.4)


def test_an_open_or_close_at_either_end_of_the_range_is_counted(market_of):
    close = np.where(CLOCK % 4 == 0, 10.5, np.where(CLOCK % 4 == 1, 9.5, 10.1)) * np.ones(S)
    found = market_of(close, open=np.where(CLOCK % 8 == 0, 9.5, 10.0) * np.ones(S), **WIDE)
    assert facts.close_at_end(found) == pytest.approx(0.5)
    assert facts.open_at_end(found) == pytest.approx(0.125)
