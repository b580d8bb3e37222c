import numpy as np
import pytest

from assets.factors import compute as module
from assets.factors.bar_inputs import CLOSE, COLUMNS, HIGH
from assets.factors.compute import compute
from assets.factors.expression import ref
from assets.factors.factor import Factor
from assets.factors.operators import highest, mean, std
from assets.features.alpha158 import FACTORS, LOOK_BACK


@pytest.fixture(scope="module")
def wide():
    """40 securities over 200 sessions with gaps of all lengths, late listings and adjustments."""
    rng = np.random.default_rng(3)
    shape = (40, 200)
    close = 10 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=1))
    spread = np.abs(rng.normal(0, 0.01, shape)) + 0.001
    bars = {
        "open": close * (1 + spread * rng.uniform(-1, 1, shape)),
        "high": close * (1 + spread),
        "low": close * (1 - spread),
        "close": close,
        "vwap": close * (1 + spread / 3),
    }
    bars = {name: np.round(values, 2) for name, values in bars.items()}
    bars["volume"] = np.round(rng.lognormal(13, 1, shape))
    bars["adj_factor"] = np.where(np.arange(200) < rng.integers(0, 400, (40, 1)), 1.0, 1.1)
    gone = rng.random(shape) < rng.choice([0.0, 0.01, 0.3], (40, 1))
    gone |= np.arange(200) < rng.choice([0, 50, 120], (40, 1))
    gone[5, 60:100] = True
    for name in COLUMNS:
        bars[name][gone] = np.nan
    return {**bars, "is_listed": np.maximum.accumulate(~gone, axis=1).astype(float)}


@pytest.fixture(scope="module")
def whole(wide):
    return compute(FACTORS, wide)


def same(found, expected, columns=slice(None)):
    for name, values in found.items():
        np.testing.assert_array_equal(values, expected[name][:, columns], err_msg=name)


@pytest.mark.parametrize("cut", [1, 2, 3, 7, 16, 31, 59, 60, 64, 90, 101, 119])
def test_what_begins_at_any_cut_equals_the_whole_to_the_bit_after_the_look_back(wide, whole, cut):
    part = compute(FACTORS, {name: values[:, cut:] for name, values in wide.items()})
    same({name: values[:, LOOK_BACK:] for name, values in part.items()}, whole, slice(cut + LOOK_BACK, None))


def test_what_ends_earlier_is_the_same(wide, whole):
    part = compute(FACTORS, {name: values[:, :111] for name, values in wide.items()})
    same(part, whole, slice(None, 111))


def test_neither_threads_nor_slabs_change_a_bit(wide, whole, monkeypatch):
    same(compute(FACTORS, wide, threads=2), whole)
    for cells in (1, 1000):
        monkeypatch.setattr(module, "CELLS_OF_A_SLAB", cells)
        same(compute(FACTORS, wide, threads=2), whole)


def test_securities_do_not_touch_each_other(wide, whole):
    order = np.random.default_rng(0).permutation(40)
    found = compute(FACTORS, {name: values[order] for name, values in wide.items()})
    same(found, {name: values[order] for name, values in whole.items()})


def test_other_factors_do_not_change_a_bit(wide, whole):
    for factor in FACTORS[::9]:
        same(compute([factor], wide), whole)
    longer = Factor("ma_77d", mean(CLOSE, 77) / CLOSE, "another window beside")
    found = compute([longer, *FACTORS], wide)
    assert found.pop("ma_77d").shape == (40, 200)
    same(found, whole)


def test_a_line_more_is_a_column_more_with_the_right_value(wide):
    line = Factor("squeeze_7d", std(HIGH, 7) / (highest(HIGH, 7) - ref(CLOSE, 3)), "a new idea")
    found = compute([line], wide)["squeeze_7d"]
    high, close = (wide[name] * wide["adj_factor"] for name in ("high", "close"))
    t = 150
    row = int(np.flatnonzero(~np.isnan(close[:, t - 6 : t + 1]).any(axis=1))[3])
    part = high[row, t - 6 : t + 1]
    assert found[row, t] == pytest.approx(part.std(ddof=1) / (part.max() - close[row, t - 3]), rel=1e-12)


def test_the_level_of_the_adjustment_does_not_matter(wide, whole):
    for level in (37.3, 0.0123):
        found = compute(FACTORS, {**wide, "adj_factor": wide["adj_factor"] * level})
        for name, values in found.items():
            np.testing.assert_allclose(values, whole[name], rtol=1e-12, atol=1e-12, err_msg=name)


def test_a_missing_or_misshapen_input_is_named(wide):
    with pytest.raises(ValueError, match=r"the inputs \['low'\] are missing"):
        compute(FACTORS, {name: values for name, values in wide.items() if name != "low"})
    with pytest.raises(ValueError, match=r"different shapes .*'low': \(40, 199\)"):
        compute(FACTORS, {**wide, "low": wide["low"][:, 1:]})


def test_no_securities_and_few_sessions_are_no_error(wide):
    none = compute(FACTORS, {name: values[:0] for name, values in wide.items()})
    assert none["ma_5d"].shape == (0, 200)
    few = compute(FACTORS, {name: values[:, :3] for name, values in wide.items()})
    assert few["roc_60d"].shape == (40, 3)
    empty = compute(FACTORS, {name: values[:0, :0] for name, values in wide.items()})
    assert empty["ma_5d"].shape == (0, 0)
