from collections import Counter

import numpy as np

from assets.factors.bar_inputs import CLOSE, COLUMNS, VOLUME
from assets.factors.expression import ref
from assets.factors.factor import Factor
from assets.factors.operators import mean, rsquare, slope, std
from assets.factors.plan import evaluate, plan_for
from assets.features.alpha158 import FACTORS


def test_what_factors_share_is_computed_once():
    factors = [Factor(f"ma_{d}d", mean(CLOSE, d) / CLOSE, "x") for d in (5, 10)]
    factors += [Factor("beta_5d", slope(CLOSE, 5) / CLOSE, "x"), Factor("rsqr_9d", rsquare(CLOSE, 9), "x")]
    steps = plan_for(tuple(factors))
    passes = [step for step in steps if len(step.makes) > 1]
    assert len(passes) == 2
    assert [step.column for step in steps if step.column] == ["close", "adj_factor"]
    assert len(plan_for(FACTORS)) < 260


def test_each_step_finds_what_it_needs_and_nothing_is_kept_longer():
    steps = plan_for(FACTORS)
    known: set[int] = set()
    for step in steps:
        assert known >= set(step.needs)
        known |= set(step.makes)
        assert known >= set(step.drops)
        assert set(step.drops) <= {*step.needs, *step.makes}
        known -= set(step.drops)
    assert known == set()
    assert Counter(name for step in steps for name, _ in step.names) == Counter(factor.name for factor in FACTORS)


def test_a_factor_comes_in_its_room_where_that_is_possible_and_else_in_an_array_of_its_own():
    close = np.array([[10.0, 11.0, 12.0]])
    wide = {**{name: close for name in COLUMNS}, "is_listed": np.ones((1, 3)), "adj_factor": np.ones((1, 3))}
    before = ref(CLOSE, 1)
    same = before / CLOSE
    factors = (Factor("a", same, "x"), Factor("b", same, "the same again"), Factor("c", rsquare(VOLUME, 3), "x"),
               Factor("d", mean(before < CLOSE, 2), "x"), Factor("e", std(same, 2), "x"))  # fmt: skip
    rooms = {factor.name: np.zeros((1, 3)) for factor in factors}
    found = dict(evaluate(plan_for(factors), wide, rooms))
    assert [name for name in found if found[name] is rooms[name]] == ["a"]
    np.testing.assert_array_equal(found["b"], [[np.nan, 10 / 11, 11 / 12]])
    np.testing.assert_array_equal(found["d"], [[0.0, 0.5, 1.0]])
    alone = dict(evaluate(plan_for(factors), wide))
    for name, values in found.items():
        np.testing.assert_array_equal(alone[name], values)
