from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from assets.evaluation.top_order import gains, ndcg, ndcg_by_chance, top_order


def one(lines, metric):
    (line,) = [line for line in lines if line.metric == metric]
    return line


@given(st.integers(0, 10_000), st.integers(1, 12), st.integers(12, 40))
@settings(max_examples=60, deadline=None)
def test_ndcg_is_that_of_scikit_learn_for_the_same_gains(seed, k, names):
    rng = np.random.default_rng(seed)
    forecast, returned = rng.standard_normal((2, 1, names))
    everyone = np.ones((1, names), dtype=bool)
    gain = gains(returned, everyone)
    placed = np.take_along_axis(gain, np.argsort(-forecast, axis=1), axis=1)
    assert ndcg(placed, k)[0] == pytest.approx(ndcg_score(gain, forecast, k=k))


def test_chance_is_the_mean_over_every_order():
    gain = np.array([[0, 3, 9, 1, 5]])
    reached = np.mean([ndcg(gain[:, list(order)], 3)[0] for order in permutations(range(5))])
    assert ndcg_by_chance(gain, np.array([5]), 3)[0] == pytest.approx(reached)


def test_gains_are_counted_in_whole_numbers():
    """546 names below of 1820 is exactly three tenths; as a float quotient it can come out on the other side."""
    found = gains(np.arange(1820.0)[None], np.ones((1, 1820), dtype=bool))[0]
    assert [int(found[place]) for place in (181, 182, 545, 546, 1819)] == [0, 1, 2, 3, 9]
    assert np.bincount(found).tolist() == [182] * 10


def test_equal_returns_have_equal_gains():
    assert gains(np.array([[1.0, 1, 1, 1, 2]]), np.ones((1, 5), dtype=bool))[0].tolist() == [0, 0, 0, 0, 8]


def test_a_perfect_order_reaches_1_and_a_random_one_chance(signal):
    perfect, random = (top_order(signal(share, sessions=300), [5]) for share in (1.0, 0.0))
    assert one(perfect, "ndcg").value == pytest.approx(1)
    assert one(perfect, "precision").value == 1
    for metric in ("ndcg", "precision"):
        line = one(random, f"{metric}_above_chance")
        assert line.lower < 0 < line.upper
    assert one(random, "precision_by_chance").value == pytest.approx(0.1)


def test_sessions_with_fewer_than_twice_k_names_are_left_out(signal):
    found = signal(1.0, sessions=30, names=19)
    assert one(top_order(found, [9]), "ndcg").sessions == 30
    assert one(top_order(found, [10]), "ndcg").sessions == 0


def test_one_value_for_all_names_orders_nothing(made):
    returned = np.random.default_rng(0).standard_normal((30, 40))
    assert one(top_order(made(np.zeros((30, 40)), returned), [5]), "ndcg").sessions == 0


def test_a_name_whose_buy_did_not_fill_has_no_place(made):
    forecast = np.tile(np.arange(40.0), (30, 1))
    returned = forecast.copy()
    returned[:, -1] = np.nan
    assert one(top_order(made(forecast, returned), [5]), "ndcg").value == pytest.approx(1)
