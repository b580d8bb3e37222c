"""Tests of the projection of a group of many columns to a few components."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.projection import ProjectionSpec, fit_projection, load_projection
from models.windows import Cells

WIDTH, ROWS = 12, 600
COLUMNS = ("price", *(f"count_{number}" for number in range(WIDTH)), "volume")
GROUPS = ("bars", *["counts"] * WIDTH, "bars")
THREE = {"counts": ProjectionSpec(components=3)}


def cells(seed=0, rows=ROWS):
    """Cells of one session after another; the counts hang together, and one direction of them goes with the target."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(size=(rows // 20, 20, len(COLUMNS))) @ rng.normal(size=(len(COLUMNS),) * 2), 2)
    x[..., 3] = np.where(rng.random(x.shape[:2]) < 0.9, 0, x[..., 3])
    target = x[..., 1] - 2 * x[..., 5] + 5 * rng.normal(size=x.shape[:2])
    sessions, securities = np.nonzero(np.ones(x.shape[:2]).T)
    return Cells(x.astype(np.float32), securities, sessions, target[securities, sessions].astype(np.float32))


def rows_of(train):
    return train.x_STF[train.securities_B, train.sessions_B]


def nipals(z, y, count):
    """Partial least squares as it is told in textbooks: take the direction, take it out of the rows, go on."""
    scores = []
    for _ in range(count):
        t = z @ (z.T @ y)
        t /= np.linalg.norm(t)
        z = z - np.outer(t, t @ z)
        scores.append(t * np.sqrt(len(y)))
    return np.stack(scores, axis=1)


def test_the_components_are_those_of_partial_least_squares():
    train = cells()
    projection = fit_projection(train, COLUMNS, GROUPS, THREE)
    assert projection.names == ("price", "volume", "counts_component_0", "counts_component_1", "counts_component_2")
    found = projection(rows_of(train))
    np.testing.assert_array_equal(found[:, :2], rows_of(train)[:, [0, -1]])
    z = rows_of(train)[:, 1:-1].astype(float)
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    np.testing.assert_allclose(found[:, 2:], nipals(z, train.target_B.astype(float), 3), atol=1e-4)


def test_components_are_uncorrelated_have_variance_one_and_rise_with_the_target():
    train = cells(1)
    found = fit_projection(train, COLUMNS, GROUPS, THREE)(rows_of(train))[:, 2:].astype(float)
    np.testing.assert_allclose(np.cov(found.T, bias=True), np.eye(3), atol=1e-5)
    together = train.target_B @ found / len(train)
    assert (together > 0).all()
    assert (np.diff(together) < 0).all()


def test_the_same_rows_give_the_same_projection_and_a_turned_column_the_same_components():
    train = cells(2)
    one, again = (fit_projection(train, COLUMNS, GROUPS, THREE) for _ in range(2))
    assert one.parts[0].weights_CK.tobytes() == again.parts[0].weights_CK.tobytes()
    turned = train.x_STF.copy()
    turned[..., 4] *= -7
    other = dataclasses.replace(train, x_STF=turned)
    mirrored = fit_projection(other, COLUMNS, GROUPS, THREE)
    np.testing.assert_allclose(mirrored(rows_of(other)), one(rows_of(train)), atol=1e-4)


@given(seed=st.integers(0, 1000), start=st.integers(0, ROWS - 1), size=st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_a_row_gives_the_same_bits_in_any_company(seed, start, size):
    train = cells(seed % 3)
    projection = fit_projection(train, COLUMNS, GROUPS, THREE)
    x = rows_of(train)
    np.testing.assert_array_equal(projection(x[start : start + size]), projection(x)[start : start + size])
    np.testing.assert_array_equal(projection(x[start : start + 1][None])[0], projection(x)[start : start + 1])


def test_the_parts_in_which_rows_are_read_change_nothing_of_what_is_applied(monkeypatch):
    train = cells()
    projection = fit_projection(train, COLUMNS, GROUPS, THREE)
    whole = projection(train.x_STF)
    monkeypatch.setattr("models.projection.ROWS_AT_ONCE", 7)
    np.testing.assert_array_equal(projection(train.x_STF), whole)
    in_parts = fit_projection(train, COLUMNS, GROUPS, THREE).parts[0].weights_CK
    np.testing.assert_allclose(in_parts, projection.parts[0].weights_CK, atol=1e-9)


def test_an_unknown_count_is_its_centre_and_a_row_of_nothing_known_stays_unknown():
    train = cells()
    train.x_STF[::3, ::4, 2] = np.nan
    projection = fit_projection(train, COLUMNS, GROUPS, THREE)
    row = rows_of(train)[5].copy()
    row[2] = projection.parts[0].centre_C[1]
    gone = row.copy()
    gone[2] = np.nan
    np.testing.assert_allclose(projection(gone), projection(row), atol=1e-6)
    gone[1:-1] = np.nan
    np.testing.assert_array_equal(np.isnan(projection(gone)), [False, False, True, True, True])
    assert projection.parts[0].centre_C[1] == pytest.approx(np.nanmean(rows_of(train)[:, 2]), rel=1e-6)


def test_columns_that_never_vary_give_components_of_zero():
    train = cells()
    train.x_STF[..., 1:-1] = 4
    found = fit_projection(train, COLUMNS, GROUPS, THREE)(train.x_STF)
    np.testing.assert_array_equal(found[..., 2:], 0)


def test_a_saved_projection_comes_back_to_the_bit_and_is_not_pickled(tmp_path):
    train = cells()
    projection = fit_projection(train, COLUMNS, GROUPS, THREE)
    projection.save(tmp_path)
    again = load_projection(tmp_path)
    assert again.columns == projection.columns
    np.testing.assert_array_equal(again(train.x_STF), projection(train.x_STF))
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".safetensors"}
    assert load_projection(tmp_path / "none") is None


@pytest.mark.parametrize("asked", [{"counts": ProjectionSpec(components=12)}, {"words": ProjectionSpec(components=1)}])
def test_as_many_components_as_columns_are_refused(asked):
    with pytest.raises(ValueError, match=r"has (12|0) columns in the panel, which has the groups \['bars', 'counts'\]"):
        fit_projection(cells(), COLUMNS, GROUPS, asked)


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="component"):
        ProjectionSpec(component=3)
