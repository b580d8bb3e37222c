"""Peers: for each security those whose market-neutral returns moved most like its own over a window of sessions.

Standardised residuals are rounded to whole multiples of 2^-26, so that every product and every partial sum of the
matrix product is a whole number that double precision holds exactly: neither the number of threads, nor the blocks of
the product, nor other securities beside them change one bit of a correlation.
"""
# S securities, W sessions of the window, B securities of a block, E edges

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from assets.features.market_line import FLAT
from assets.features.neighbours import graph_of

Wide = NDArray[np.float64]
Places = NDArray[np.intp]
Edges = tuple[Places, Places, Wide]
NO_EDGES: Edges = (np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0))
STEPS = 2.0**26
BLOCK = 1024


def peer_graph(returns_SW: Wide, market_W: Wide, peers: int, at_least: int) -> csr_array:
    """The graph of the most correlated securities, its weights their correlations, [S, S].

    returns_SW  NaN where not traded, which counts as no surprise
    market_W    return of the market
    peers       how many neighbours a security has at most; only positive correlations make one, and of equal ones the
                first in the order of the securities
    at_least    sessions that a security must have traded, else it is nobody's peer and has none
    """
    left_SW = residuals(returns_SW, market_W, at_least)
    moving = np.flatnonzero(left_SW.any(axis=1))
    steps_SW = whole_steps(left_SW[moving])
    edges = [_best(steps_SW, start, peers) for start in range(0, len(moving), BLOCK)] or [NO_EDGES]
    rows_E, columns_E, values_E = (np.concatenate(parts) for parts in zip(*edges, strict=True))
    return graph_of(moving[rows_E], moving[columns_E], values_E, len(returns_SW))


def residuals(returns_SW: Wide, market_W: Wide, at_least: int) -> Wide:
    """What a line through the market's return leaves of each security's, [S, W]; 0 where not traded or too rarely.

    Sums go session by session, so that a security's row does not depend on which others there are.
    """
    is_traded_SW = ~np.isnan(returns_SW)
    own_SW = np.where(is_traded_SW, returns_SW, 0.0)
    market_SW = np.where(is_traded_SW, market_W, 0.0)
    count_S = is_traded_SW.sum(axis=1)
    is_enough_S = count_S >= at_least
    divisor_S = np.maximum(count_S, 1)[:, None]
    own_SW = np.where(is_traded_SW, own_SW - _over_sessions(own_SW) / divisor_S, 0.0)
    market_SW = np.where(is_traded_SW, market_SW - _over_sessions(market_SW) / divisor_S, 0.0)
    squares_S1 = _over_sessions(market_SW * market_SW)
    beta_S1 = _over_sessions(own_SW * market_SW) / np.where(squares_S1 > 0, squares_S1, np.inf)
    left_SW = own_SW - beta_S1 * market_SW
    is_flat_S1 = _over_sessions(left_SW * left_SW) <= FLAT * _over_sessions(own_SW * own_SW)
    return np.where(is_enough_S[:, None] & ~is_flat_S1, left_SW, 0.0)


def whole_steps(left_SW: Wide) -> Wide:
    """The rows, none of them all zeros, at length 2^26 and in whole numbers.

    A partial sum of the product of two rows is at most the product of their lengths, which is below 2^53.
    """
    steps_SW: Wide = np.rint(STEPS * (left_SW / np.sqrt(_over_sessions(left_SW * left_SW))))
    return steps_SW


def _over_sessions(cells_SW: Wide) -> Wide:
    """Sum of each row, [S, 1], the earliest session first."""
    total_S = np.zeros(len(cells_SW))
    for cells_S in cells_SW.T:
        total_S += cells_S
    return total_S[:, None]


def _best(steps_SW: Wide, start: int, peers: int) -> Edges:
    """Row, column and correlation of the peers of one block of securities."""
    product_BS = steps_SW[start : start + BLOCK] @ steps_SW.T
    own = np.arange(len(product_BS))
    product_BS[own, start + own] = 0.0
    kept = min(peers, product_BS.shape[1])
    least_B1 = np.partition(product_BS, -kept, axis=1)[:, -kept, None]
    rows_E, columns_E = np.nonzero((product_BS >= least_B1) & (product_BS > 0))
    values_E = product_BS[rows_E, columns_E]
    order_E = np.lexsort((columns_E, -values_E, rows_E))
    first_B = np.searchsorted(rows_E, own)
    is_kept_E = np.arange(len(rows_E)) - first_B[rows_E] < kept
    chosen_E = order_E[is_kept_E]
    return start + rows_E[chosen_E], columns_E[chosen_E], values_E[chosen_E] / STEPS**2
