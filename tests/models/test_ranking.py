"""Tests of the ranking."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm, rankdata, spearmanr

from models.ranking import RankIc, normal_scores, ranks_within

cells = st.lists(st.tuples(st.integers(0, 4), st.integers(-3, 3)), min_size=1, max_size=40)


@given(cells)
@settings(max_examples=100, deadline=None)
def test_ranks_are_those_of_each_session_with_the_mean_rank_for_ties(rows):
    sessions = np.array([session for session, _ in rows])
    values = np.array([float(value) for _, value in rows])
    expected = np.empty(len(rows))
    for session in np.unique(sessions):
        expected[sessions == session] = rankdata(values[sessions == session])
    np.testing.assert_array_equal(ranks_within(values, sessions), expected)


def test_no_cells_have_no_ranks():
    assert ranks_within(np.empty(0), np.empty(0, dtype=int)).shape == (0,)


def test_normal_scores_are_normal_quantiles_of_the_ranks():
    values = np.array([3.0, 1.0, 2.0, 10.0, 20.0])
    scores = normal_scores(values, np.array([0, 0, 0, 1, 1]))
    np.testing.assert_allclose(scores, norm.ppf([5 / 6, 1 / 6, 3 / 6, 1 / 4, 3 / 4]), atol=1e-12)


def test_rank_ic_is_the_mean_of_the_daily_spearman_correlations():
    rng = np.random.default_rng(0)
    sessions = rng.integers(0, 6, 200)
    forecast, realised = rng.normal(size=200).round(1), rng.normal(size=200).round(1)
    expected = np.mean(
        [spearmanr(forecast[sessions == day], realised[sessions == day]).statistic for day in np.unique(sessions)]
    )
    assert RankIc(realised, sessions)(forecast) == pytest.approx(expected, abs=1e-12)


def test_a_session_with_one_forecast_for_all_counts_as_zero():
    sessions, realised = np.array([0, 0, 0, 1, 1, 1]), np.array([1.0, 2.0, 3.0, 1.0, 2.0, 3.0])
    assert RankIc(realised, sessions)(np.array([1.0, 2.0, 3.0, 7.0, 7.0, 7.0])) == pytest.approx(0.5)


def test_a_session_with_one_name_does_not_count():
    sessions, realised = np.array([0, 0, 1]), np.array([1.0, 2.0, 3.0])
    assert RankIc(realised, sessions)(np.array([1.0, 2.0, 0.0])) == pytest.approx(1.0)


def test_cells_without_two_outcomes_in_any_session_are_refused():
    with pytest.raises(ValueError, match="no session with two different outcomes"):
        RankIc(np.array([1.0, 2.0]), np.array([0, 1]))
