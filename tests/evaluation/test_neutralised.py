import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.evaluation.neutralised import neutralised, residuals


def found(lines, kind="taken out", metric="rank_ic"):
    return {line.part: line for line in lines if (line.kind, line.metric) == (kind, metric)}


@given(st.integers(0, 10_000), st.booleans())
@settings(max_examples=60, deadline=None)
def test_residuals_are_those_of_least_squares_with_dummies(seed, grouped):
    rng = np.random.default_rng(seed)
    x, *columns = rng.standard_normal((4, 2, 30))
    x[0, :3] = np.nan
    group = rng.integers(-1, 3, x.shape).astype(np.int16) if grouped else None
    found = residuals(x, columns, group)
    for t in range(2):
        kept = ~np.isnan(x[t])
        code = group[t, kept] if grouped else np.zeros(kept.sum())
        design = np.column_stack([column[t, kept] for column in columns] + [code == one for one in np.unique(code)])
        fitted = design @ np.linalg.lstsq(design, x[t, kept], rcond=None)[0]
        assert found[t, kept] == pytest.approx(x[t, kept] - fitted, abs=1e-9)
        assert np.isnan(found[t, ~kept]).all()


def test_a_column_that_the_others_give_already_has_no_part():
    x, one = np.random.default_rng(0).standard_normal((2, 3, 40))
    assert residuals(x, [one, 2 * one + 1, np.zeros_like(one)], None) == pytest.approx(residuals(x, [one], None))


def test_a_forecast_that_only_names_what_is_small_is_left_with_nothing(made):
    rng = np.random.default_rng(0)
    small = rng.standard_normal((300, 80))
    returned = small + rng.normal(0, 4, small.shape)
    told = small + rng.normal(0, 0.3, small.shape)
    lines = neutralised(made(told, returned, styles={"size": -small, "beta": rng.standard_normal(small.shape)}))
    assert found(lines)["nothing"].lower > 0.15
    assert found(lines)["beta"].value == pytest.approx(found(lines)["nothing"].value, abs=0.02)
    left = found(lines)["everything"]
    assert left.value < 0.03
    assert found(lines, "style", "rank_ic")["size"].upper < -0.15
    assert found(lines, "style", "correlation")["size"].value < -0.9


def test_a_forecast_of_its_own_keeps_what_it_tells(made):
    rng = np.random.default_rng(1)
    told = rng.standard_normal((300, 80))
    styles = {name: rng.standard_normal(told.shape) for name in ("size", "beta", "volatility", "reversal")}
    lines = found(neutralised(made(told, told + rng.normal(0, 4, told.shape), styles=styles)))
    assert lines["everything"].value == pytest.approx(lines["nothing"].value, abs=0.02)


def test_choosing_industries_is_taken_out_with_the_industry(made):
    rng = np.random.default_rng(2)
    group = np.tile(np.arange(80) % 8, (200, 1)).astype(np.int16)
    good = rng.standard_normal((200, 8))[np.arange(200)[:, None], group]
    told, returned = good + rng.normal(0, 0.1, good.shape), good + rng.normal(0, 3, good.shape)
    slicings = {"industry": (tuple("abcdefgh"), group, False)}
    lines = found(
        neutralised(made(told, returned, styles={"size": rng.standard_normal(good.shape)}, slicings=slicings))
    )
    assert lines["nothing"].lower > 0.1
    for part in ("industry", "everything"):
        assert lines[part].value < 0.03


def test_without_industries_none_is_taken_out(signal):
    slicings = {"industry": ((), np.full((120, 60), -1), False)}
    parts = found(neutralised(signal(0.2, styles={"size": np.ones((120, 60))}, slicings=slicings)))
    assert set(parts) == {"nothing", "size", "everything"}
    assert parts["size"].value == pytest.approx(parts["nothing"].value, abs=1e-12)


def test_a_style_that_is_not_known_counts_as_its_middle(signal):
    style = np.random.default_rng(0).standard_normal((120, 60))
    style[:, ::2] = np.nan
    lines = found(neutralised(signal(0.2, styles={"beta": style})))
    assert lines["beta"].sessions == lines["nothing"].sessions == 120


def test_one_value_for_all_names_is_left_without_a_figure(made):
    rng = np.random.default_rng(0)
    told = np.zeros((30, 40))
    lines = found(
        neutralised(made(told, rng.standard_normal(told.shape), styles={"size": rng.standard_normal(told.shape)}))
    )
    assert all(line.sessions == 0 for line in lines.values())


def test_equal_forecasts_are_not_ordered_by_rounding(made):
    """Two levels and no style that tells them apart: the residuals have ties, whatever the last bit says."""
    rng = np.random.default_rng(0)
    told = np.tile(np.arange(40) % 2, (60, 1)).astype(float)
    group = np.tile(np.arange(40) // 20, (60, 1))
    returned = rng.standard_normal(told.shape)
    slicings = {"industry": (("a", "b"), group, False)}
    lines = found(neutralised(made(told, returned, slicings=slicings)))
    assert lines["industry"].value == pytest.approx(lines["nothing"].value, abs=1e-12)
