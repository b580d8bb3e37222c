import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.features.decay import decay
from assets.features.trailing_items import Trail

TOLD = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 11)), max_size=12).map(sorted)
ROWS = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 11)), max_size=8)


def trail_of(told, rows) -> Trail:
    items, asked = (np.array(pairs, dtype=np.int64).reshape(-1, 2) for pairs in (told, rows))
    return Trail(items[:, 0].copy(), items[:, 1].copy(), asked[:, 0].copy(), asked[:, 1].copy())


@settings(deadline=None)
@given(TOLD, ROWS, st.integers(1, 6))
def test_sums_are_those_of_a_slow_reference(told, rows, window):
    values = np.random.default_rng(0).normal(size=(len(told), 2))
    weights = decay(3, window)
    expected = np.zeros((len(rows), 2))
    for r, (security, place) in enumerate(rows):
        for i, (other, then) in enumerate(told):
            if other == security and 0 <= place - then < window:
                expected[r] += weights[place - then] * values[i]
    np.testing.assert_array_equal(trail_of(told, rows).sums(values, weights), expected)


@settings(deadline=None)
@given(TOLD, ROWS)
def test_items_may_share_their_values(told, rows):
    shared = np.arange(6, dtype=np.int32).reshape(3, 2)
    which = np.arange(len(told)) % 3
    trail = trail_of(told, rows)
    np.testing.assert_array_equal(
        trail.sums(shared, np.ones(5), which), trail.sums(shared[which].astype(np.float64), np.ones(5))
    )


@settings(deadline=None)
@given(TOLD, ROWS, st.integers(1, 6))
def test_sessions_since_the_last_item_are_those_of_a_slow_reference(told, rows, window):
    expected = []
    for security, place in rows:
        lags = [place - then for other, then in told if other == security and 0 <= place - then < window]
        expected.append(min(lags, default=np.nan))
    np.testing.assert_array_equal(trail_of(told, rows).since_last(window), expected)


def test_a_part_of_the_rows_has_the_same_sums():
    trail = trail_of([(0, 1), (0, 3), (1, 3)], [(0, 3), (1, 3), (0, 4)])
    values = np.array([[0.1], [0.2], [0.3]])
    np.testing.assert_array_equal(trail.part(1, 3).sums(values, decay(3, 4)), trail.sums(values, decay(3, 4))[1:])
