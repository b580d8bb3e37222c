"""Session ranks: only the order of a session's names counts."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import rankdata, spearmanr

from expectations.session_ranks import correlations, names, same_side, session_ranks


def two(seed: int, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(6, 30)), rng.normal(size=(6, 30))
    return (np.round(x), np.round(y)) if ties else (x, y)


@pytest.mark.parametrize("ties", [False, True])
def test_ranks_and_correlations_are_those_of_scipy(ties: bool) -> None:
    x, y = two(0, ties)
    expected = rankdata(x, axis=1) - 15.5
    np.testing.assert_allclose(session_ranks(x).scaled_TS * 30, expected)
    found = correlations(session_ranks(x), session_ranks(y))
    np.testing.assert_allclose(found, [spearmanr(a, b)[0] for a, b in zip(x, y, strict=True)])


def test_a_name_without_a_value_has_no_rank_and_does_not_count() -> None:
    x, y = two(1)
    x[:, 20:] = np.nan
    some, all_ = session_ranks(x), session_ranks(y)
    np.testing.assert_allclose(some.scaled_TS[:, :20], session_ranks(x[:, :20]).scaled_TS)
    assert not some.scaled_TS[:, 20:].any()
    assert names(some, all_).tolist() == [20.0] * 6


def test_only_names_that_both_sides_know_count_with_the_ranks_that_they_have_among_all() -> None:
    x, y = two(3)
    x[:, :8], y[y > 1] = np.nan, np.nan
    ranks = session_ranks(x), session_ranks(y)
    expected = []
    for a, b in zip(rankdata(x, axis=1, nan_policy="omit"), rankdata(y, axis=1, nan_policy="omit"), strict=True):
        both = np.isfinite(a) & np.isfinite(b)
        expected.append(np.corrcoef(a[both], b[both])[0, 1])
    np.testing.assert_allclose(correlations(*ranks), expected)


def test_infinite_values_are_the_first_and_the_last() -> None:
    ranks = session_ranks(np.array([[np.inf, 0.0, -np.inf, np.nan, 1.0]])).scaled_TS[0]
    assert np.argsort(ranks[[2, 1, 4, 0]]).tolist() == [0, 1, 2, 3]


def test_one_value_for_all_names_and_few_names_tell_nothing() -> None:
    x, y = two(2)
    x[0] = 1.0
    x[1, 4:] = np.nan
    found = correlations(session_ranks(x), session_ranks(y))
    assert np.isnan(found[:2]).all()
    assert np.isfinite(found[2:]).all()


def test_names_on_the_same_side_of_both_middles_are_counted() -> None:
    x = np.arange(10.0)[None, :]
    assert same_side(session_ranks(x), session_ranks(x)).item() == 1.0
    assert same_side(session_ranks(x), session_ranks(-x)).item() == 0.0


@given(seed=st.integers(0, 10_000), ties=st.booleans())
def test_a_rising_transform_of_a_column_changes_nothing(seed: int, ties: bool) -> None:
    x, y = two(seed, ties)
    before, after = session_ranks(x), session_ranks(np.exp(x) * 3 - 2)
    np.testing.assert_array_equal(before.scaled_TS, after.scaled_TS)
    label = session_ranks(y)
    np.testing.assert_array_equal(same_side(before, label), same_side(after, label))


@given(seed=st.integers(0, 10_000), ties=st.booleans())
def test_another_order_of_the_securities_changes_nothing(seed: int, ties: bool) -> None:
    x, y = two(seed, ties)
    order = np.random.default_rng(seed).permutation(30)
    before = correlations(session_ranks(x), session_ranks(y))
    after = correlations(session_ranks(x[:, order]), session_ranks(y[:, order]))
    np.testing.assert_allclose(before, after, atol=1e-12)
