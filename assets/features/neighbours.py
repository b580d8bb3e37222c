"""Neighbours: weighted means over the neighbours of each security, in a graph that stays as it is for a spell.

A graph is a sparse matrix with a row for each security and its neighbours in the columns. Its products add up in the
order of the columns, which is that of the securities' names, whatever else is computed beside them.
"""
# S securities, T sessions, N sessions of a spell, E edges

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from assets.features.decay import decay
from assets.features.trailing import trailing_count, trailing_sum

Wide = NDArray[np.float64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Spell:
    """Sessions of a calendar from place `first` to before place `end`, and the `before` earlier ones they look at."""

    first: int
    end: int
    before: int

    def seen(self, values_ST: Wide) -> Wide:
        """The columns of the spell and those before it, [S, before + N]; NaN where these precede the calendar."""
        missing = max(self.before - self.first, 0)
        padding_SN = np.full((len(values_ST), missing), np.nan)
        return np.hstack([padding_SN, values_ST[:, max(self.first - self.before, 0) : self.end]])

    def own(self, seen_SN: Wide) -> Wide:
        """The columns of the spell itself, [S, N], of what has those before it too."""
        return seen_SN[:, self.before :]


def graph_of(rows_E: Places, neighbours_E: Places, weights_E: Wide, size: int) -> csr_array:
    """The graph in which each security of `rows_E` has a neighbour with a weight, [S, S]; no edge may come twice."""
    graph = csr_array((weights_E, (rows_E, neighbours_E)), shape=(size, size))
    graph.sort_indices()
    return graph


def edge_counts(graph: csr_array) -> Wide:
    """Number of neighbours of each security, [S], those of weight 0 included."""
    counts_S: Wide = np.diff(graph.indptr).astype(np.float64)
    return counts_S


def without_weights(graph: csr_array) -> csr_array:
    """The same graph in which all neighbours count alike."""
    return csr_array((np.ones_like(graph.data), graph.indices, graph.indptr), shape=graph.shape)


def mean_weight(graph: csr_array) -> Wide:
    """Mean weight of the neighbours of each security, [S]; NaN where there is none."""
    counts_S = edge_counts(graph)
    mean_S: Wide = (graph @ np.ones(len(counts_S))) / np.where(counts_S > 0, counts_S, np.nan)
    return mean_S


def mean_of_neighbours(graph: csr_array, values_ST: Wide) -> Wide:
    """Weighted mean over the neighbours that have a value, their weights scaled up to 1, [S, T]; NaN where none has."""
    is_known_ST = ~np.isnan(values_ST)
    total_ST = graph @ np.where(is_known_ST, values_ST, 0.0)
    weight_ST = graph @ is_known_ST.astype(np.float64)
    mean_ST: Wide = total_ST / np.where(weight_ST > 0, weight_ST, np.nan)
    return mean_ST


def sum_over_neighbours(graph: csr_array, values_ST: Wide) -> Wide:
    """Plain sum over all neighbours, whatever their weight, [S, T]; NaN where one of them is NaN."""
    total_ST: Wide = without_weights(graph) @ values_ST
    return total_ST


def market_mean(values_ST: Wide) -> Wide:
    """Plain mean of each session over the securities that have a value, [T], added up in the order of their names."""
    everyone = csr_array(np.ones((1, len(values_ST))))
    mean_T: Wide = mean_of_neighbours(everyone, values_ST)[0]
    return mean_T


def sum_of_known(values_ST: Wide, window: int) -> Wide:
    """Sum over the `window` sessions up to each, [S, T]; NaN where fewer than half of them hold a value."""
    is_enough_ST = 2 * trailing_count(values_ST, window) >= window
    return np.where(is_enough_ST, trailing_sum(values_ST, window), np.nan)


def decayed_mean(values_ST: Wide, half_life: float, window: int) -> Wide:
    """Mean over the `window` sessions up to each, earliest first, with weights halved every `half_life` sessions back.

    returns  [S, T], over the sessions that hold a value; NaN where none does
    """
    weights_L = decay(half_life, window)
    filled_ST, is_known_ST = np.where(np.isnan(values_ST), 0.0, values_ST), (~np.isnan(values_ST)).astype(np.float64)
    total_ST, weight_ST = np.zeros_like(values_ST), np.zeros_like(values_ST)
    for lag in range(min(window, values_ST.shape[1]) - 1, -1, -1):
        kept = values_ST.shape[1] - lag
        total_ST[:, lag:] += weights_L[lag] * filled_ST[:, :kept]
        weight_ST[:, lag:] += weights_L[lag] * is_known_ST[:, :kept]
    return total_ST / np.where(weight_ST > 0, weight_ST, np.nan)
