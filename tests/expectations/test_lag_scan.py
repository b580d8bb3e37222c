"""Lag scan: honest fast and slow columns are quiet, and a column that ends a session late is not, however slow."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.lag_scan import AHEAD, DELAYS, LAG_SCAN, Outcomes, lag_scan, sessions_ahead
from expectations.session_ranks import session_ranks

T, S, HORIZON, STRIDE = 420, 60, 5, 3
PLACES = np.arange(70, T - 12, STRIDE)
DAYS = [date(2014, 1, 1) + timedelta(days=int(place)) for place in PLACES]


class Market:
    """Random walks whose closes lie apart from their VWAP; a return can hold a little of what is known before."""

    def __init__(self, seed: int = 100, known: float = 0.0) -> None:
        rng = np.random.default_rng(seed)
        self.signal = rng.normal(size=(T, S))
        moves = 0.02 * rng.normal(size=(T, S))
        moves[2:] += 0.02 * known * self.signal[:-2]
        self.close = np.exp(np.cumsum(moves, axis=0))
        self.vwap = self.close * np.exp(0.004 * rng.normal(size=(T, S)) - moves / 2)
        self.noise = rng.normal(size=(T, S))

    @property
    def label(self) -> np.ndarray:
        label = np.full((T, S), np.nan)
        label[: -1 - HORIZON] = self.vwap[1 + HORIZON :] / self.vwap[1:-HORIZON] - 1
        return label

    def outcomes(self, order: np.ndarray | None = None) -> Outcomes:
        order = np.arange(S) if order is None else order
        ahead = sessions_ahead(self.close, self.vwap)
        return Outcomes(
            HORIZON,
            {delay: session_ranks(self.label[PLACES + delay][:, order]) for delay in DELAYS},
            {place: session_ranks(ahead[place][PLACES][:, order]) for place in AHEAD},
        )

    def scan(self, x: np.ndarray) -> dict[str, object]:
        ranks = {"x": (session_ranks(x[PLACES]), session_ranks(x[PLACES - 1]))}
        return lag_scan("features/x", ranks, self.outcomes(), DAYS, STRIDE).row(0, named=True)


def later(x: np.ndarray, sessions: int) -> np.ndarray:
    return np.concatenate([x[sessions:], np.full((sessions, S), np.nan)])


def mean_of(x: np.ndarray, window: int) -> np.ndarray:
    sums = np.cumsum(np.concatenate([np.zeros((1, S)), x]), axis=0)
    means = np.full_like(x, np.nan)
    means[window - 1 :] = (sums[window:] - sums[:-window]) / window
    return means


def honest(market: Market) -> dict[str, np.ndarray]:
    close = market.close
    back = {days: np.concatenate([np.full((days, S), np.nan), close[days:] / close[:-days] - 1]) for days in (1, 5, 60)}
    return {
        "of the last session": back[1],
        "of a week": back[5],
        "of a quarter": back[60],
        "mean of 60": mean_of(close, 60) / close,
        "close to vwap": close / market.vwap,
        "noise": market.noise,
        "news used up in one session": market.signal,
    }


@pytest.mark.parametrize("seed", [100, 101, 102])
@pytest.mark.parametrize("known", [0.0, 0.08])
def test_honest_columns_fast_and_slow_are_quiet_though_fast_ones_fade_at_once(seed: int, known: float) -> None:
    market = Market(seed, known)
    for name, x in honest(market).items():
        found = market.scan(x)
        assert found["passed"], (name, found)
        assert found["first_example"] is None


@pytest.mark.parametrize(
    ("leak", "worst"),
    [
        (lambda m: later(m.close, 1) / m.close, "_ahead_"),
        (lambda m: m.label + 0.05 * m.noise, "rank_ic"),
        (lambda m: later(mean_of(m.close, 11), 5) / m.close, "rank_ic"),
        (lambda m: later(m.vwap, 1) / m.close, "_ahead_1d"),
    ],
    ids=["next close", "label with noise", "centred window", "next opening"],
)
def test_a_planted_leak_alarms_and_the_figure_that_tells_it_is_named(leak: object, worst: str) -> None:
    market = Market()
    found = market.scan(leak(market))  # type: ignore[operator]
    assert not found["passed"]
    assert worst in str(found["worst"])
    assert str(found["first_example"]).startswith(f"{found['worst']} ")


def test_a_leak_in_a_slow_column_shows_in_its_change_and_not_in_its_own_rank_ic() -> None:
    market = Market()
    found = market.scan(later(market.close / market.close[0], 1))
    assert found["agreement"] > 0.97
    assert abs(found["rank_ic_delayed_0d"]) < 0.1
    assert not found["passed"]
    assert "of_change" in str(found["worst"])


def test_what_is_told_before_the_decision_may_move_the_next_opening() -> None:
    market = Market()
    market.vwap = market.close
    gap = later(market.vwap, 1) / market.close - 1
    told = session_ranks(gap).scaled_TS + 1.1 * market.noise
    found = market.scan(told)
    assert found["rank_ic_ahead_1d"] > 0.2
    assert found["passed"]


def test_the_sessions_ahead_are_from_the_close_to_the_vwap_and_then_from_vwap_to_vwap() -> None:
    close, vwap = np.array([[1.0], [2.0], [4.0]]), np.array([[1.0], [3.0], [6.0]])
    ahead = sessions_ahead(close, vwap)
    np.testing.assert_array_equal(ahead[1][:, 0], [3.0, 3.0, np.nan])
    np.testing.assert_array_equal(ahead[2][:, 0], [2.0, np.nan, np.nan])


def test_a_column_without_values_shows_nothing_and_passes() -> None:
    market = Market()
    found = market.scan(np.full((T, S), np.nan))
    assert found["passed"]
    assert found["agreement"] is None
    assert lag_scan("features/x", {}, market.outcomes(), DAYS, STRIDE).schema == LAG_SCAN


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 1000), leaks=st.booleans())
def test_a_rising_transform_and_another_order_of_names_change_no_figure(seed: int, leaks: bool) -> None:
    market = Market(known=0.05)
    x = market.signal + (later(market.close, 2) / market.close if leaks else 0.0)
    order = np.random.default_rng(seed).permutation(S)
    before = market.scan(x)
    changed = np.tanh(x[:, order]) - 7
    ranks = {"x": (session_ranks(changed[PLACES]), session_ranks(changed[PLACES - 1]))}
    after = lag_scan("features/x", ranks, market.outcomes(order), DAYS, STRIDE).row(0, named=True)
    assert before["worst"] == after["worst"]
    floats = [name for name, kind in LAG_SCAN.items() if kind.is_float()]
    np.testing.assert_allclose([before[n] for n in floats], [after[n] for n in floats], atol=1e-9)
