import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, matthews_corrcoef

from benchmarks.classified import accuracy, confusions, drawn, estimate, matthews

PAIRS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), min_size=1, max_size=30)


@settings(deadline=None)
@given(PAIRS)
def test_both_measures_agree_with_an_independent_library(pairs):
    label, foretold, day = (np.array(values) for values in zip(*pairs, strict=True))
    table = confusions(foretold, label, day, 3).sum(axis=0)[None]
    assert accuracy(table)[0] == pytest.approx(accuracy_score(label, foretold))
    assert matthews(table)[0] == pytest.approx(matthews_corrcoef(label, foretold), abs=1e-12)


def test_one_class_throughout_has_no_correlation():
    table = confusions(np.zeros(4, int), np.array([0, 1, 0, 1]), np.arange(4), 2).sum(axis=0)[None]
    assert (accuracy(table)[0], matthews(table)[0]) == (0.5, 0.0)


def test_days_are_drawn_whole_so_that_like_days_widen_the_interval():
    rng = np.random.default_rng(1)
    day = np.repeat(np.arange(30), 40)
    right_by_day = (rng.random(30) < 0.5)[day].astype(int)
    right_by_row = rng.permutation(right_by_day)
    width = []
    for right in (right_by_day, right_by_row):
        draws = accuracy(drawn(confusions(right, np.ones_like(right), day, 2)))
        found = estimate(float(right.mean()), draws)
        assert found.lower < found.value < found.upper
        width.append(found.upper - found.lower)
    assert width[0] > 4 * width[1]


def test_equal_tables_give_equal_draws():
    table = confusions(np.array([0, 1, 1]), np.array([0, 1, 0]), np.arange(3), 2)
    assert np.array_equal(drawn(table), drawn(table))
    assert (drawn(table).sum(axis=(1, 2)) == 3).all()
