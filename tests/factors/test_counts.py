import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.factors.counts import count_held, count_known


@settings(deadline=None)
@given(st.lists(st.sampled_from((1.0, math.nan, math.inf, -math.inf)), max_size=30), st.integers(1, 40))
def test_a_count_is_the_number_of_finite_values_in_the_window(values, window):
    known, held = np.empty(len(values) + 1), np.empty(len(values))
    count_known(np.array(values), known)
    count_held(known, window, held)
    expected = [sum(map(math.isfinite, values[max(t - window + 1, 0) : t + 1])) for t in range(len(values))]
    assert held.tolist() == expected
