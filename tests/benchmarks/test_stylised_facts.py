import inspect

import numpy as np
import pytest

from benchmarks import facts_of_exchange, facts_of_places, facts_of_returns, facts_of_sessions
from benchmarks.outcome import MISSED, REACHED, Demand, end
from benchmarks.stylised_facts import FACTS, Compared, compared, definition, stylised_facts

MODULES = (facts_of_returns, facts_of_sessions, facts_of_places, facts_of_exchange)
VOLATILE = ("tail_kurtosis", "tail_share", "own_clustering_1", "own_clustering_5", "market_clustering_1", "own_regimes")


def law(seed, clustered, sessions=900, names=40):
    """Log returns: a slow volatility and Student tails, or Gaussian ones of the same size."""
    rng = np.random.default_rng(seed)
    market, own = rng.standard_normal((sessions, 1)), rng.standard_normal((sessions, names))
    if clustered:
        slow = np.zeros((sessions, names + 1))
        for t in range(1, sessions):
            slow[t] = 0.97 * slow[t - 1] + 0.24 * rng.standard_normal(names + 1)
        level = np.exp(0.6 * slow - 0.36)
        market, own = market * level[:, :1], own * level[:, 1:]
        own *= np.sqrt(3.0 / rng.chisquare(5, own.shape))
    return np.clip(0.010 * market + 0.012 * own, -0.09, 0.09)


def outside(facts):
    return {fact.name for fact in facts if not fact.inside}


def status(facts):
    found = {"facts_outside": len(outside(facts))}
    return end(found, [Demand("facts_outside", 0, at_least=False)])


def test_every_fact_of_the_modules_is_measured_and_defined():
    public = [
        one
        for module in MODULES
        for name, one in vars(module).items()
        if inspect.isfunction(one) and one.__module__ == module.__name__ and not name.startswith("_")
    ]
    assert list(FACTS) == public
    assert len({fact.__name__ for fact in FACTS}) == len(FACTS) >= 16
    assert all(definition(fact.__name__) for fact in FACTS)


def test_the_same_law_with_another_seed_is_inside_and_gaussian_noise_is_not(moved):
    real = stylised_facts(moved(law(0, clustered=True)))
    again = compared(real, [stylised_facts(moved(law(1, clustered=True)))])
    gaussian = compared(real, [stylised_facts(moved(law(1, clustered=False)))])
    assert outside(again).isdisjoint(VOLATILE)
    assert outside(gaussian).issuperset(VOLATILE)
    assert status(gaussian) == MISSED


def test_a_market_is_inside_of_itself(moved):
    found = stylised_facts(moved(law(0, clustered=True)))
    known = {name: value for name, value in found.items() if np.isfinite(value) and value != 0}
    assert len(known) > 30
    assert status(compared(known, [known])) == REACHED


@pytest.mark.parametrize(
    ("real", "synthetic", "inside"),
    [(1.0, 2.0, True), (1.0, 0.5, True), (1.0, 2.01, False), (1.0, 0.49, False), (-1.0, -1.5, True),
     (1.0, -1.0, False), (1.0, float("nan"), False), (float("nan"), 1.0, False), (0.0, 0.0, False)],
)  # fmt: skip
def test_inside_is_a_factor_of_two_with_the_same_sign(real, synthetic, inside):
    assert Compared("fact", real, synthetic, synthetic, synthetic).inside is inside


def test_draws_are_averaged_and_a_missing_one_is_not_passed_over():
    (found,) = compared({"fact": 2.0}, [{"fact": 1.0}, {"fact": 3.0}])
    assert (found.synthetic, found.lowest, found.highest, found.ratio) == (2.0, 1.0, 3.0, 1.0)
    (missing,) = compared({"fact": 2.0}, [{"fact": 1.0}, {"fact": float("nan")}])
    assert not missing.inside


def test_a_market_too_small_to_measure_has_no_figures_and_raises_nothing(moved):
    found = stylised_facts(moved(np.zeros((10, 2))))
    assert np.isnan(found["tail_kurtosis"])
    assert np.isnan(found["market_regime_persistence"])
