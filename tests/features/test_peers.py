import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from assets.features.peers import BLOCK, peer_graph, residuals, whole_steps

W = 120


def drawn(securities, seed=0):
    """Returns of securities in ten groups that move alike, around a market, with gaps."""
    rng = np.random.default_rng(seed)
    market, groups = rng.normal(0, 0.01, W), rng.normal(0, 0.01, (10, W))
    returns = rng.uniform(0.5, 1.5, (securities, 1)) * market + groups[np.arange(securities) % 10]
    returns = returns + rng.normal(0, 0.005, (securities, W))
    returns[rng.random(returns.shape) < 0.1] = np.nan
    return returns, market


def edges(graph):
    return {(i, int(j)): w for i in range(graph.shape[0]) for j, w in _row(graph, i)}


def _row(graph, i):
    span = slice(graph.indptr[i], graph.indptr[i + 1])
    return list(zip(graph.indices[span], graph.data[span], strict=True))


def test_peers_are_those_with_the_highest_correlation_of_what_the_line_leaves():
    returns, market = drawn(50)
    left = np.zeros_like(returns)
    for i, own in enumerate(returns):
        here = ~np.isnan(own)
        left[i, here] = own[here] - np.polyval(np.polyfit(market[here], own[here], 1), market[here])
    correlation = left @ left.T / np.outer(np.linalg.norm(left, axis=1), np.linalg.norm(left, axis=1))
    np.fill_diagonal(correlation, -1)
    found = edges(peer_graph(returns, market, 4, 90))
    for i in range(50):
        best = np.argsort(-correlation[i])[:4]
        assert {j for row, j in found if row == i} == set(best.tolist())
        assert {j % 10 for j in best} == {i % 10}
        for j in best:
            assert found[i, j] == pytest.approx(correlation[i, j], abs=1e-6)


def test_who_trades_too_rarely_is_nobodys_peer():
    returns, market = drawn(30)
    returns[7, :40] = np.nan
    found = edges(peer_graph(returns, market, 4, 90))
    assert not any(7 in pair for pair in found)
    assert {i for i, _ in found} == set(range(30)) - {7}


def test_who_only_follows_the_market_or_stands_still_has_no_peers():
    returns, market = drawn(30)
    returns[3] = 1.7 * market
    returns[4] = 0.0
    assert not residuals(returns, market, 90)[[3, 4]].any()
    assert not any({3, 4} & set(pair) for pair in edges(peer_graph(returns, market, 4, 90)))


def test_of_equal_correlations_the_first_security_wins():
    returns, market = drawn(12)
    returns[5:9] = returns[2]
    found = edges(peer_graph(returns, market, 2, 0))
    assert {j for i, j in found if i == 2} == {5, 6}
    assert {j for i, j in found if i == 7} == {2, 5}
    assert found[2, 5] == pytest.approx(1.0, abs=1e-7)


def test_only_what_moves_along_is_a_peer():
    rng = np.random.default_rng(3)
    own, market = rng.normal(size=(2, W)), np.zeros(W)
    found = edges(peer_graph(np.array([own[0], -own[0], own[1]]), market, 2, 90))
    assert (0, 1) not in found
    assert all(value > 0 for value in found.values())


def test_products_are_exact_so_that_their_order_is_free():
    steps = whole_steps(residuals(*drawn(200), 90))
    assert steps.dtype == np.float64
    exact = steps.astype(np.int64) @ steps.astype(np.int64).T
    assert 2**51 < np.abs(exact).max() < 2**53
    np.testing.assert_array_equal(steps @ steps.T, exact.astype(np.float64))
    np.testing.assert_array_equal(steps, np.rint(steps))
    backwards = np.ascontiguousarray(steps[:, ::-1])
    np.testing.assert_array_equal(backwards @ backwards.T, steps @ steps.T)


def test_neither_threads_nor_other_securities_change_one_bit():
    returns, market = drawn(BLOCK + 300)
    with threadpool_limits(1):
        one = edges(peer_graph(returns, market, 20, 90))
    with threadpool_limits(2):
        two = edges(peer_graph(returns, market, 20, 90))
    assert one == two
    assert not any(i == j for i, j in one)
    silent = np.full((len(returns) + 411, W), np.nan)
    places = np.sort(np.random.default_rng(0).permutation(len(silent))[: len(returns)])
    silent[places] = returns
    among = edges(peer_graph(silent, market, 20, 90))
    assert {(int(places[i]), int(places[j])): w for (i, j), w in one.items()} == among
    fewer = edges(peer_graph(returns[:37], market, 20, 90))
    both = set(fewer) & set(one)
    assert len(both) > 5
    assert all(fewer[pair] == one[pair] for pair in both)


def test_no_securities_and_no_sessions_give_no_peers():
    assert peer_graph(np.zeros((0, W)), np.zeros(W), 20, 90).nnz == 0
    assert peer_graph(np.zeros((5, 0)), np.zeros(0), 20, 90).nnz == 0
