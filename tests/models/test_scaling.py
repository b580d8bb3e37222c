"""Tests of the scaler."""

import numpy as np
import pytest
from pydantic import ValidationError

from models.scaling import Scaler, fit_scaler


@pytest.fixture
def x_NF():
    x = np.random.default_rng(0).normal(3, 2, (4000, 3)).astype(np.float32)
    x[::7, 1] = np.nan
    return x


def test_a_normal_column_comes_out_with_mean_zero_and_standard_deviation_one(x_NF):
    z = fit_scaler(x_NF)(x_NF)
    np.testing.assert_allclose(z[:, 0].mean(), 0, atol=0.06)
    np.testing.assert_allclose(z[:, 0].std(), 1, atol=0.06)


def test_what_is_absent_becomes_zero_and_what_is_far_is_clipped(x_NF):
    scaler = fit_scaler(x_NF, clip=4.0)
    z = scaler(np.array([[np.nan, 1e9, -np.inf]], dtype=np.float32))
    np.testing.assert_array_equal(z, np.array([[0, 4, -4]], dtype=np.float32))


def test_outliers_do_not_move_it(x_NF):
    spoilt = x_NF.copy()
    spoilt[:40] = 1e6
    np.testing.assert_allclose(fit_scaler(spoilt).scale, fit_scaler(x_NF).scale, rtol=0.05)


def test_a_rare_flag_is_scaled_by_its_standard_deviation_and_a_constant_by_one():
    flag = np.zeros((100, 2), dtype=np.float32)
    flag[:4, 0] = 1
    scaler = fit_scaler(flag)
    assert scaler.scale == (pytest.approx(flag[:, 0].std(), rel=1e-6), 1.0)


def test_a_column_that_is_never_known_is_left_at_zero():
    x = np.full((10, 1), np.nan, dtype=np.float32)
    np.testing.assert_array_equal(fit_scaler(x)(x), np.zeros((10, 1)))


def test_it_comes_back_from_its_json_bit_for_bit(x_NF):
    scaler = fit_scaler(x_NF)
    again = Scaler.model_validate_json(scaler.model_dump_json())
    np.testing.assert_array_equal(again(x_NF), scaler(x_NF))


def test_the_input_is_left_as_it_is(x_NF):
    before = x_NF.copy()
    fit_scaler(x_NF)(x_NF)
    np.testing.assert_array_equal(x_NF, before)


def test_no_row_is_refused():
    with pytest.raises(ValueError, match="no row to fit a scaler on"):
        fit_scaler(np.empty((0, 3), dtype=np.float32))


def test_a_setting_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError, match="centre_"):
        Scaler(centre=(0.0,), scale=(1.0,), clip=5.0, centre_=(0.0,))
