import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from assets.evaluation.ordering import correlations, one_group, ordered, rank_correlation, shares


@st.composite
def matrices(draw):
    """Few values, so that there are ties; some are missing, some cells count nowhere."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    shape = draw(st.integers(1, 4)), draw(st.integers(1, 12))
    values = rng.integers(0, 5, shape).astype(float)
    values[rng.random(shape) < 0.2] = np.nan
    return values, rng.integers(-1, 3, shape).astype(np.int16)


@given(matrices())
@settings(max_examples=80, deadline=None)
def test_ranks_are_those_of_scipy_within_each_session_and_group(made):
    values, groups = made
    found = ordered(values).ranks(groups)
    for t in range(len(values)):
        for group in range(-1, 3):
            cells = (groups[t] == group) & ~np.isnan(values[t])
            if group < 0:
                assert np.isnan(found[t, groups[t] == group]).all()
            else:
                assert found[t, cells].tolist() == stats.rankdata(values[t, cells]).tolist()
    assert np.isnan(found[np.isnan(values)]).all()


@given(matrices(), st.integers(0, 100))
@settings(max_examples=80, deadline=None)
def test_correlations_are_spearmans_of_each_group(made, seed):
    x, groups = made
    y = np.random.default_rng(seed).integers(0, 4, x.shape).astype(float)
    counted = np.where(np.isnan(x), -1, groups).astype(np.int16)
    found, count = correlations(ordered(x).ranks(counted), ordered(y).ranks(counted), counted, 3, least=3)
    for t in range(len(x)):
        for group in range(3):
            cells = counted[t] == group
            assert count[t, group] == cells.sum()
            a, b = x[t, cells], y[t, cells]
            if cells.sum() < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
                assert np.isnan(found[t, group])
            else:
                assert found[t, group] == pytest.approx(stats.spearmanr(a, b).statistic)


def test_the_order_of_the_securities_changes_no_bit_of_a_rank_correlation():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((2, 20, 300))
    everyone = np.ones(x.shape, dtype=bool)
    mixed = rng.permutation(300)
    once = rank_correlation(ordered(x), ordered(y), everyone, 3)
    again = rank_correlation(ordered(x[:, mixed]), ordered(y[:, mixed]), everyone, 3)
    assert once.tobytes() == again.tobytes()


def test_a_session_without_names_has_no_correlation():
    x = np.array([[1.0, 2, 3, 4], [np.nan] * 4])
    assert np.isnan(rank_correlation(ordered(x), ordered(-x), np.ones(x.shape, dtype=bool), 3)).tolist() == [
        False,
        True,
    ]


def test_shares_lie_about_0():
    found = shares(ordered(np.array([[5.0, 1, np.nan, 3]])).ranks(one_group(np.ones((1, 4), dtype=bool))))
    assert found[0].tolist() == pytest.approx([1 / 3, -1 / 3, np.nan, 0], nan_ok=True)
