import numpy as np
import pytest

from benchmarks import facts_of_exchange as facts

T, S = 100, 5
FLAT = np.full((T, S), 10.0)
UP, DOWN = 11.0, 9.0


@pytest.fixture
def limited(market_of):
    """Of 500 rows, name 0: locked up in 10..12, touches and falls back in 30; name 1: sealed at 20; others down."""
    close, opened, high, low = FLAT.copy(), FLAT.copy(), FLAT.copy(), FLAT.copy()
    for grid in (close, opened, high, low):
        grid[10:13, 0] = UP
        grid[50, 2:4] = DOWN
    high[30, 0] = UP
    close[20, 1] = UP
    opened[21, 1] = 10.0 * np.exp(0.03)
    close[60, 4], low[70, 4] = DOWN, DOWN
    return market_of(close, open=opened, high=high, low=low)


def test_shares_of_closes_at_a_limit_and_of_locked_rows(limited):
    assert facts.limit_up_closes(limited) == pytest.approx(4 / 500)
    assert facts.limit_down_closes(limited) == pytest.approx(3 / 500)
    assert facts.locked_up(limited) == pytest.approx(3 / 500)
    assert facts.locked_down(limited) == pytest.approx(2 / 500)


def test_share_of_touched_limits_that_hold(limited):
    assert facts.limit_up_held(limited) == pytest.approx(4 / 5)
    assert facts.limit_down_held(limited) == pytest.approx(3 / 4)


def test_what_follows_on_a_limit(limited):
    assert facts.locked_again(limited) == pytest.approx(2 / 3)
    assert facts.limit_up_again(limited) == pytest.approx(2 / 4)
    assert facts.limit_down_again(limited) == 0.0
    gaps = [np.log(UP / 10), np.log(UP / 10), 0.0, 0.03]
    assert facts.limit_up_opening(limited) == pytest.approx(np.mean(gaps))


def test_a_limit_before_a_suspension_is_followed_by_nothing(market_of):
    close = FLAT.copy()
    close[10, 0] = close[20, 0] = close[21, 0] = UP
    suspended = np.zeros((T, S), bool)
    suspended[11, 0] = True
    assert facts.limit_up_again(market_of(close, suspended=suspended)) == pytest.approx(1 / 2)


def test_crowding_is_the_share_of_the_fullest_hundredth_of_sessions(limited):
    assert facts.limit_down_crowding(limited) == pytest.approx(2 / 3)
    assert facts.limit_up_crowding(limited) == pytest.approx(1 / 4)


def test_special_treatment_halves_the_limit(market_of):
    close = FLAT.copy()
    close[10] = 10.5
    found = market_of(close, is_st=np.arange(S) < 2)
    assert facts.st_rows(found) == pytest.approx(2 / 5)
    assert facts.limit_up_closes(found) == pytest.approx(2 / 500)


def test_suspensions_are_measured_from_the_first_to_the_last_halted_session(market_of):
    suspended = np.zeros((T, S), bool)
    suspended[10:12, 0] = suspended[20:26, 0] = suspended[30:31, 1] = True
    suspended[90:, 2] = True
    suspended[:5, 3] = True
    found = market_of(FLAT, suspended=suspended)
    assert facts.suspended_rows(found) == pytest.approx((2 + 6 + 1 + 10 + 5) / 500)
    assert facts.suspension_mean(found) == pytest.approx(3.0)
    assert facts.suspension_median(found) == pytest.approx(2.0)


def test_the_first_return_after_a_suspension_against_all(market_of):
    signs = np.where(np.arange(T)[:, None] % 2, 1.0, -1.0)
    returns = 0.01 * signs * np.ones(S)
    returns[12, 0] = 0.05
    suspended = np.zeros((T, S), bool)
    suspended[10:12, 0] = True
    found = market_of(10.0 * np.exp(returns), suspended=suspended)
    everyone = (0.01 * 497 + 0.05) / 498
    assert facts.resumption_move(found) == pytest.approx(0.05 / everyone)


def test_ex_days_per_year_their_step_and_the_share_of_large_ones(market_of):
    reference = FLAT.copy()
    reference[20, :4] = 9.8
    reference[20, 4] = 5.0
    close = FLAT.copy()
    close[20] = reference[20]
    found = market_of(close, reference=reference)
    assert facts.ex_days(found) == pytest.approx(5 / 500 * 243)
    assert facts.ex_yield(found) == pytest.approx(-np.log(0.98))
    assert facts.ex_large(found) == pytest.approx(1 / 5)


def test_an_ex_day_after_a_suspension_is_told_by_the_close_before_it(market_of):
    suspended = np.zeros((T, S), bool)
    suspended[10:15, 0] = True
    reference, close = FLAT.copy(), FLAT.copy()
    reference[15, 0] = close[15, 0] = 9.5
    assert facts.ex_yield(market_of(close, reference=reference, suspended=suspended)) == pytest.approx(-np.log(0.95))


def test_prices_and_the_size_of_a_cent(market_of):
    close = FLAT * [0.5, 1.0, 1.0, 1.0, 2.0]
    close[:50] += 0.01
    found = market_of(close, reference=FLAT * [0.5, 1.0, 1.0, 1.0, 2.0])
    assert facts.unchanged_closes(found) == pytest.approx(0.5)
    assert facts.price_level(found) == pytest.approx(10.005, abs=0.006)
    assert facts.price_across(found) == pytest.approx(np.std(np.log([0.5, 1, 1, 1, 2])), rel=0.01)
