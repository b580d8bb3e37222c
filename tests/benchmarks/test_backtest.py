"""Backtest beside Qlib: the same world for both, and a difference that is what it says."""

import numpy as np
import pytest

from assets.evaluation import tariff
from assets.evaluation.execution import execute
from benchmarks.backtest import CAUSES, LIKE_QLIB, SETTINGS, difference, drawn, exchange_of_world, plan_of_world

RULES = LIKE_QLIB._replace(top_k=5, drop=2)


@pytest.fixture(scope="module")
def world():
    return drawn(20, 40, 3)


def by_hand(world) -> np.ndarray:
    """Qlib's rules as they are written there, name by name, in adjusted units."""
    sessions, close_ST = world.traded, world.panel.adjusted["close"]
    factor_ST = world.panel.factor.astype(np.float32).astype(np.float64)
    cash, units, values = SETTINGS["capital"], {}, []
    last_S = close_ST[:, 0].copy()
    for t in range(1, sessions):
        last_S = np.where(np.isnan(close_ST[:, t]), last_S, close_ST[:, t])
        order = np.argsort(-world.scores_ST[:, t - 1], kind="stable").tolist()
        today = [s for s in order if s not in units][: RULES.drop + RULES.top_k - len(units)]
        worst = sorted([*units, *today], key=order.index)[-RULES.drop :]
        sell = [s for s in units if s in worst]
        buy = today[: len(sell) + RULES.top_k - len(units)]
        for s in sell:
            if not np.isnan(close_ST[s, t]):
                value = units.pop(s) * close_ST[s, t]
                cash += value - max(value * SETTINGS["sell"], SETTINGS["minimum"])
        each = cash * SETTINGS["invested"] / max(len(buy), 1)
        for s in buy:
            price, factor = close_ST[s, t], factor_ST[s, t]
            if not np.isnan(price):
                shares = (each / price * factor + 0.1) // 100 * 100
                value = shares / factor * price
                cash -= value + max(value * SETTINGS["buy"], SETTINGS["minimum"])
                units[s] = shares / factor
        values.append(cash + sum(units[s] * last_S[s] for s in units))
    return np.array(values)


def test_the_executor_follows_qlibs_rules_as_they_are_written(world):
    exchange = exchange_of_world(world)
    fees = tariff.flat(exchange.grid.sessions, SETTINGS["buy"], SETTINGS["sell"], SETTINGS["minimum"])
    found = execute(exchange, plan_of_world(world), RULES, fees).days["nav"]
    np.testing.assert_allclose(found, by_hand(world), rtol=1e-12)


def test_each_cause_makes_a_difference_that_its_switch_removes(world):
    account_T = by_hand(world)
    assert difference(world, account_T, RULES) < 1e-12
    assert len(CAUSES) <= 3
    for switch in CAUSES.values():
        assert difference(world, account_T, RULES._replace(**switch)) > 1e-9


def test_another_number_of_sessions_is_refused(world):
    with pytest.raises(ValueError, match="Qlib told 3 sessions, ours 39"):
        difference(world, np.ones(3), RULES)
