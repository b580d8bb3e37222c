from datetime import date

import numpy as np
import pytest

from benchmarks.market_sample import sample

T, S = 100, 5
FLAT = np.full((T, S), 10.0)


def test_returns_are_over_the_reference_price_so_that_ex_rights_do_not_move_them(market_of):
    reference = np.where(np.arange(T)[:, None] == 50, 5.0, 10.0)
    close = np.where(np.arange(T)[:, None] >= 50, 5.0, 10.0) * np.ones((1, S))
    halved = market_of(close, reference=np.where(np.arange(T)[:, None] > 50, 5.0, reference))
    np.testing.assert_allclose(halved.returns, 0.0)
    assert halved.last_close[50, 0] == 10.0
    assert halved.reference[50, 0] == 5.0


def test_suspended_rows_are_listed_but_not_counted(market_of):
    suspended = np.zeros((T, S), bool)
    suspended[10:20, 2] = True
    found = market_of(FLAT, suspended=suspended)
    assert found.listed.all()
    assert (found.counted == ~suspended).all()
    assert np.isnan(found.returns[suspended]).all()
    assert (found.flags["is_suspended"] == suspended).all()
    assert found.last_close[20, 2] == 10.0


def test_the_first_sixty_sessions_of_a_listing_are_not_counted(market_of):
    found = market_of(FLAT, listed_on=date(2014, 1, 1))
    assert not found.counted[:60].any()
    assert found.counted[60:].all()


def test_a_session_without_a_limit_is_not_counted(market_of):
    close = FLAT.copy()
    close[30, 1] = 13.0
    found = market_of(close)
    assert not found.counted[30, 1]
    assert found.counted.sum() == T * S - 1


def test_the_market_is_the_mean_over_the_names_that_traded(moved, market_of):
    returns = np.tile([0.01, 0.03], (T, 1))
    found = moved(returns)
    np.testing.assert_allclose(found.market, 0.02)
    np.testing.assert_allclose(found.own, np.tile([-0.01, 0.01], (T, 1)))
    suspended = np.zeros((T, 2), bool)
    suspended[5, 0] = True
    assert market_of(10.0 * np.exp(returns), suspended=suspended).market[5] == pytest.approx(0.03)


def test_names_that_come_and_go_leave_holes_in_the_grid(raw_bars):
    rows = raw_bars(FLAT).filter(~((raw_bars(FLAT)["security_id"] == "sh600003") & (raw_bars(FLAT)["close"] > 0)))
    late = raw_bars(FLAT).tail(50 * S)
    found = sample(rows.vstack(late.filter(late["security_id"] == "sh600003")))
    assert found.listed.shape == (T, S)
    assert not found.listed[:50, 3].any()
    assert found.listed[50:, 3].all()
