import numpy as np

from assets.factors.comparisons import above, below
from assets.factors.rounding import SAME


def test_a_difference_of_rounding_is_none():
    ours = np.array([10 * (1 + 2 * SAME), 10 * (1 + SAME / 2), 10.0, 10 * (1 - SAME / 2), 10 * (1 - 2 * SAME)])
    np.testing.assert_array_equal(above(ours, 10.0, 1.0), [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(below(ours, 10.0, 1.0), [0, 0, 0, 0, 1])


def test_without_a_value_it_is_0_in_the_sessions_of_the_security_and_null_in_others():
    nothing = np.array([np.nan, np.nan])
    for compare in (above, below):
        np.testing.assert_array_equal(compare(nothing, 10.0, np.array([1.0, 0.0])), [0, np.nan])
        np.testing.assert_array_equal(compare(10.0, nothing, np.array([1.0, 0.0])), [0, np.nan])
