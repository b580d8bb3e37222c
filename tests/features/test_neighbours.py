import numpy as np
import pytest

from assets.features.neighbours import (
    Spell,
    decayed_mean,
    edge_counts,
    graph_of,
    market_mean,
    mean_of_neighbours,
    mean_weight,
    sum_of_known,
    sum_over_neighbours,
    without_weights,
)

NAN = np.nan


@pytest.fixture
def graph():
    """Security 0 looks at 2 (weight .3) and 1 (.1), 1 at 2 (weight 0), 2 at none."""
    return graph_of(np.array([0, 0, 1]), np.array([2, 1, 2]), np.array([0.3, 0.1, 0.0]), 3)


def test_weights_are_scaled_up_over_those_that_have_a_value(graph):
    values = np.array([[9.0, 9.0, 9.0], [1.0, NAN, NAN], [5.0, 5.0, NAN]])
    np.testing.assert_allclose(mean_of_neighbours(graph, values)[0], [(0.3 * 5 + 0.1 * 1) / 0.4, 5.0, NAN])
    assert np.isnan(mean_of_neighbours(graph, values)[1:]).all()
    np.testing.assert_allclose(mean_of_neighbours(without_weights(graph), values)[:2], [[3, 5, NAN], [5, 5, NAN]])


def test_neighbours_are_counted_whatever_their_weight(graph):
    assert edge_counts(graph).tolist() == [2, 1, 0]
    np.testing.assert_allclose(mean_weight(graph), [0.2, 0.0, NAN])
    np.testing.assert_array_equal(sum_over_neighbours(graph, np.array([[1.0], [2.0], [4.0]])), [[6.0], [4.0], [0.0]])


def test_the_market_is_the_mean_of_those_that_have_a_value():
    np.testing.assert_array_equal(market_mean(np.array([[1.0, NAN, 3.0], [2.0, NAN, NAN]])), [1.5, NAN, 3.0])
    assert market_mean(np.zeros((0, 3))).shape == (3,)


def test_silent_securities_and_earlier_sessions_do_not_change_one_bit_of_a_mean():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(700, 40))
    values[rng.random(values.shape) < 0.1] = NAN
    rows, neighbours = np.nonzero(rng.random((700, 700)) < 0.02)
    weights = rng.random(len(rows))
    places = np.sort(rng.permutation(900)[:700])
    wider = np.full((900, 40), NAN)
    wider[places] = values
    small = mean_of_neighbours(graph_of(rows, neighbours, weights, 700), values[:, 30:])
    order = rng.permutation(len(rows))
    large = graph_of(places[rows[order]], places[neighbours[order]], weights[order], 900)
    np.testing.assert_array_equal(mean_of_neighbours(large, wider)[places, 30:], small)
    np.testing.assert_array_equal(market_mean(wider)[30:], market_mean(values[:, 30:]))
    np.testing.assert_array_equal(market_mean(wider)[39:], market_mean(values[:, 39:]))


def test_a_spell_sees_the_sessions_before_it_and_nothing_before_the_calendar():
    values = np.arange(6.0)[None]
    np.testing.assert_array_equal(Spell(3, 5, 2).seen(values), [[1, 2, 3, 4]])
    np.testing.assert_array_equal(Spell(1, 3, 3).seen(values), [[NAN, NAN, 0, 1, 2]])
    np.testing.assert_array_equal(Spell(1, 3, 3).own(Spell(1, 3, 3).seen(values)), [[1, 2]])


def test_a_sum_needs_half_of_its_sessions():
    values = np.array([[1.0, NAN, 2.0, NAN, NAN, NAN]])
    np.testing.assert_array_equal(sum_of_known(values, 3), [[NAN, NAN, 3.0, NAN, NAN, NAN]])


def test_a_decayed_mean_halves_weights_and_passes_over_what_is_unknown():
    values = np.array([[8.0, NAN, 2.0, NAN, NAN]])
    found = decayed_mean(values, half_life=1, window=3)
    np.testing.assert_allclose(found, [[8.0, 8.0, (2 + 8 / 4) / (1 + 1 / 4), 2.0, 2.0]])
    np.testing.assert_array_equal(decayed_mean(values, 1, 2)[0, 4:], [NAN])
