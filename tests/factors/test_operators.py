"""Every operator against slow plain Python in exact fractions, on random series with gaps, ties and a late start."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assets.factors import operators
from assets.factors.expression import log, ref

WINDOWS = (2, 3, 5, 7, 12)
SESSIONS = 26


def held(window):
    return [Fraction(value) for value in window if not math.isnan(value)]


def slow_sum(window, _):
    return float(sum(held(window))) if held(window) else math.nan


def slow_mean(window, _):
    return float(sum(held(window)) / len(held(window))) if held(window) else math.nan


def slow_std(window, _):
    values = held(window)
    if len(values) < 2:
        return math.nan
    middle = sum(values) / len(values)
    return math.sqrt(sum((v - middle) ** 2 for v in values) / (len(values) - 1))


def line(window):
    """Products about the means: of places, of places with values, of values; mean place and mean value."""
    pairs = [(Fraction(i), Fraction(v)) for i, v in enumerate(window) if not math.isnan(v)]
    if len(pairs) < 2:
        return None
    place, value = (sum(pair[side] for pair in pairs) / len(pairs) for side in (0, 1))
    xx = sum((x - place) ** 2 for x, _ in pairs)
    xy = sum((x - place) * (y - value) for x, y in pairs)
    yy = sum((y - value) ** 2 for _, y in pairs)
    return xx, xy, yy, place, value


def slow_slope(window, _):
    found = line(window)
    return float(found[1] / found[0]) if found else math.nan


def slow_rsquare(window, _):
    found = line(window)
    return float(found[1] ** 2 / (found[0] * found[2])) if found and found[2] else math.nan


def slow_resi(window, _):
    found = line(window)
    if not found or math.isnan(window[-1]):
        return math.nan
    xx, xy, _, place, value = found
    return float(Fraction(window[-1]) - (value + xy / xx * (len(window) - 1 - place)))


def slow_max(window, _):
    return float(max(held(window), default=math.nan))


def slow_min(window, _):
    return float(min(held(window), default=math.nan))


def slow_place(window, listed, better):
    """As numpy finds it in a window with holes: a hole beats every value, the first of equals counts."""
    mine = [value for value, is_mine in zip(window, listed, strict=True) if is_mine]
    if all(math.isnan(value) for value in mine):
        return math.nan
    return better(mine) + 1.0


def slow_place_of_highest(window, listed):
    return slow_place(window, listed, np.argmax)


def slow_place_of_lowest(window, listed):
    return slow_place(window, listed, np.argmin)


def slow_quantile(share):
    def at(window, _):
        values = sorted(held(window))
        if not values:
            return math.nan
        place = Fraction(share) * (len(values) - 1)
        below = math.floor(place)
        above = min(below + 1, len(values) - 1)
        return float(values[below] + (values[above] - values[below]) * (place - below))

    return at


def slow_rank(window, _):
    values, last = held(window), window[-1]
    if math.isnan(last):
        return math.nan
    smaller, equal = sum(v < last for v in values), sum(v == last for v in values)
    return (smaller + (equal + 1) / 2) / len(values)


PAIRS = {
    "sum": (operators.total, slow_sum),
    "mean": (operators.mean, slow_mean),
    "std": (operators.std, slow_std),
    "slope": (operators.slope, slow_slope),
    "rsquare": (operators.rsquare, slow_rsquare),
    "resi": (operators.resi, slow_resi),
    "highest": (operators.highest, slow_max),
    "lowest": (operators.lowest, slow_min),
    "place_of_highest": (operators.place_of_highest, slow_place_of_highest),
    "place_of_lowest": (operators.place_of_lowest, slow_place_of_lowest),
    "upper": (lambda series, window: operators.quantile(series, window, 0.8), slow_quantile(0.8)),
    "lower": (lambda series, window: operators.quantile(series, window, 0.2), slow_quantile(0.2)),
    "highest_quantile": (lambda series, window: operators.quantile(series, window, 1.0), slow_quantile(1.0)),
    "rank": (operators.rank, slow_rank),
}


def panel(seed, gaps, ties):
    """Closes of 10 securities; with ties they stand at few prices, one lists late and one trades but once."""
    rng = np.random.default_rng(seed)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.03, (10, SESSIONS)), axis=1))
    close = np.round(close * 4) / 4 if ties else close
    close[rng.random(close.shape) < gaps] = np.nan
    close[1, :9] = np.nan
    close[2, 1:] = np.nan
    return close


def slowly(slow, close, window):
    seen = np.maximum.accumulate(~np.isnan(close), axis=1)
    found = np.full(close.shape, math.nan)
    for row in range(close.shape[0]):
        for t in range(close.shape[1]):
            part = slice(max(t - window + 1, 0), t + 1)
            found[row, t] = slow(close[row, part], seen[row, part])
    return found


@pytest.mark.parametrize("name", PAIRS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 10_000),
    gaps=st.sampled_from((0.0, 0.1, 0.6)),
    ties=st.booleans(),
    window=st.sampled_from(WINDOWS),
)
def test_an_operator_is_what_plain_python_says(name, answer, seed, gaps, ties, window):
    make, slow = PAIRS[name]
    close = panel(seed, gaps, ties)
    found = answer(lambda series, _: make(series, window), close)
    expected = slowly(slow, close, window)
    traded = ~np.isnan(close)
    if name == "rsquare":
        traded &= ~(slowly(slow_std, close, window) <= operators.STILL)
    np.testing.assert_allclose(found[traded], expected[traded], rtol=1e-10, atol=1e-12)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), gaps=st.sampled_from((0.0, 0.1, 0.6)), window=st.sampled_from(WINDOWS))
def test_correlation_is_what_numpy_says(answer, seed, gaps, window):
    close = panel(seed, gaps, ties=False)
    volume = np.random.default_rng(seed + 1).lognormal(13, 1, close.shape)
    found = answer(lambda series, shares: operators.corr(series, log(shares + 1), window), close, volume)
    for row in range(close.shape[0]):
        # What stands still is told in the unit of the session's own bar; without a bar there is no factor.
        for t in np.flatnonzero(~np.isnan(close[row])):
            part = slice(max(t - window + 1, 0), t + 1)
            ours = close[row, part]
            both = ~np.isnan(ours)
            logs = np.log(volume[row, part] + 1)[both]
            if both.sum() < 2 or min(ours[both].std(ddof=1), logs.std(ddof=1)) <= operators.STILL:
                assert np.isnan(found[row, t])
            else:
                expected = np.corrcoef(ours[both], logs)[0, 1]
                assert found[row, t] == pytest.approx(expected, abs=1e-9)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10_000), gaps=st.sampled_from((0.0, 0.1, 0.6)), window=st.sampled_from(WINDOWS))
def test_a_share_of_rises_counts_the_sessions_of_the_security_also_those_that_compare_nothing(
    answer, seed, gaps, window
):
    close = panel(seed, gaps, ties=True)
    rises = answer(lambda series, _: operators.mean(series > ref(series, 1), window), close)
    falls = answer(lambda series, _: operators.mean(series < ref(series, 1), window), close)
    for row in range(close.shape[0]):
        listed = np.maximum.accumulate(~np.isnan(close[row]))
        up, down = ([False, *(np.diff(sign * close[row]) > 0)] for sign in (1, -1))
        for t in np.flatnonzero(listed):
            part = slice(max(t - window + 1, 0), t + 1)
            assert rises[row, t] == sum(up[part]) / sum(listed[part])
            assert falls[row, t] == sum(down[part]) / sum(listed[part])


def test_zeros_are_equals_in_a_rank(answer):
    close = np.full((1, 6), 10.0)
    found = answer(lambda series, _: operators.rank(series - ref(series, 1), 4), close)[0]
    np.testing.assert_array_equal(found, [np.nan, 1, 0.75, 2 / 3, 0.625, 0.625])


def test_a_window_that_stands_still_has_no_correlation_and_no_share_of_variance(answer):
    close = np.full((1, 8), 12.34)
    volume = np.arange(1.0, 9.0) * 1e5
    assert np.isnan(answer(lambda series, shares: operators.corr(series, log(shares + 1), 5), close, volume)).all()
    assert np.isnan(answer(lambda series, _: operators.rsquare(series, 5), close)).all()
    assert (answer(lambda series, _: operators.std(series, 5), close)[0, 1:] == 0).all()
    barely = 12.34 + 2e-5 * np.array([[0, 1, 0, 1, 0, 1, 0, 1]])
    assert np.isnan(answer(lambda series, _: operators.rsquare(series, 5), barely)).all()
    more = 12.34 + 5e-5 * np.array([[0, 1, 0, 1, 0, 1, 0, 1]])
    assert np.isfinite(answer(lambda series, _: operators.rsquare(series, 5), more)[0, 1:]).all()


def test_a_small_deviation_of_a_high_price_keeps_its_digits(answer):
    """Where sums of squares would have lost all digits."""
    steps = np.array([[0.0, 1, 3, 2, 5, 4, 4, 6, 5, 8]])
    found = answer(lambda series, _: operators.rsquare(series, 10), 1e6 + 1e-3 * steps)
    assert found[0, -1] == pytest.approx(slow_rsquare(steps[0], None), rel=1e-6)
    deviation = answer(lambda series, _: operators.std(series, 10), 1e6 + 1e-3 * steps)
    assert deviation[0, -1] == pytest.approx(1e-3 * steps.std(ddof=1), rel=1e-6)


def test_the_first_of_equal_extremes_counts_and_a_hole_beats_them(answer):
    close = np.array([[3.0, 5, 4, 5, 1, 1, np.nan, 2, 2, 2]])
    highest = answer(lambda series, _: operators.place_of_highest(series, 5), close)[0]
    lowest = answer(lambda series, _: operators.place_of_lowest(series, 5), close)[0]
    assert highest[[0, 1, 2, 3, 4, 5]].tolist() == [1, 2, 2, 2, 2, 1]
    assert lowest[[0, 1, 2, 3, 4, 5]].tolist() == [1, 1, 1, 1, 5, 4]
    assert highest[[7, 8, 9]].tolist() == [4, 3, 2]
    assert lowest[[7, 8, 9]].tolist() == [4, 3, 2]


def test_a_share_outside_zero_to_one_is_no_quantile():
    from assets.factors.bar_inputs import CLOSE

    with pytest.raises(ValueError, match=r"a share of 1.2 does not exist; give 0 to 1"):
        operators.quantile(CLOSE, 5, 1.2)
