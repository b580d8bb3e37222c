"""NDCG: the toy example, an independent library, and what an order cannot gain by."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from assets.evaluation.ndcg import grades, ndcg

SCORES = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
GRADES = np.array([3.0, 2, 3, 0, 1, 2, 0, 1])


@pytest.mark.parametrize(
    ("k", "exponential", "linear"),
    [(3, 0.959454, 0.977781), (5, 0.875594, 0.861044), (8, 0.947305, 0.957236)],
)
def test_the_toy_example(k, exponential, linear):
    assert ndcg(SCORES, GRADES, k) == pytest.approx(exponential, abs=1e-6)
    assert ndcg(SCORES, GRADES, k, gain="linear") == pytest.approx(linear, abs=1e-6)


@settings(deadline=None)
@given(
    arrays(np.float64, 12, elements=st.integers(-3, 3)),
    arrays(np.float64, 12, elements=st.integers(0, 4)),
    st.integers(1, 15),
    st.sampled_from(["exponential", "linear"]),
)
def test_it_lies_between_nothing_and_the_best_order_however_the_names_come(scores, grade, k, gain):
    found = ndcg(scores, grade, k, gain)
    if grade.max() == 0:
        assert math.isnan(found)
        return
    assert 0 <= found <= 1 + 1e-12
    order = np.random.default_rng(0).permutation(12)
    assert ndcg(scores[order], grade[order], k, gain) == pytest.approx(found)
    assert ndcg(grade, grade, k, gain) == pytest.approx(1)
    assert ndcg(np.zeros(12), grade, k, gain) <= 1 + 1e-12


def test_ties_and_cuts_agree_with_an_independent_library():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    for _ in range(20):
        scores, grade = rng.integers(0, 4, 15).astype(float), rng.integers(0, 5, 15).astype(float)
        for k in (1, 4, 15):
            assert ndcg(scores, grade, k, "linear") == pytest.approx(metrics.ndcg_score([grade], [scores], k=k))


def test_grades_are_equal_parts_by_return_and_equal_returns_share_one():
    assert grades(np.array([0.3, -0.1, 0.0, 0.2, 0.1])).tolist() == [4, 0, 1, 3, 2]
    assert grades(np.array([1.0, 1, 1, 1]), count=2).tolist() == [1, 1, 1, 1]
    assert np.bincount(grades(np.random.default_rng(0).standard_normal(103)).astype(int)).tolist() == [
        21,
        20,
        21,
        20,
        21,
    ]


def test_what_has_no_meaning_is_refused():
    with pytest.raises(ValueError, match="k was 0 for 8 forecasts"):
        ndcg(SCORES, GRADES, 0)
    with pytest.raises(ValueError, match="turn returns into grades first"):
        ndcg(SCORES, -GRADES, 3)
