"""Tests of a fitted network."""

import numpy as np
import pytest
import torch

from models.losses import MeanSquaredSpec
from models.lstm import LstmSpec
from models.network import WINDOWS_AT_ONCE, Network
from models.scaling import fit_scaler
from models.windows import TableLayout
from tests.models.asking import forecast_of, nameless, read, shape

COLUMNS = ("a", "b", "c")


@pytest.fixture
def x_BLF():
    x = np.random.default_rng(0).normal(5, 3, (2 * WINDOWS_AT_ONCE + 37, 12, 3)).astype(np.float32)
    x[::5, 3] = np.nan
    return x


@pytest.fixture
def model(x_BLF):
    torch.manual_seed(0)
    spec = LstmSpec(look_back=12, hidden=32)
    layout = TableLayout(COLUMNS, (), look_back=12)
    made = shape(layout)
    return Network(spec, made, fit_scaler(x_BLF[:, -1]), spec.network(made), MeanSquaredSpec())


def test_its_forecast_is_the_last_of_the_module_on_scaled_windows(model, x_BLF):
    with torch.no_grad():
        expected = model.module.eval()(read(torch.from_numpy(model.scaler(x_BLF))))[:, -1, 0]
    np.testing.assert_allclose(forecast_of(model, x_BLF), expected.numpy(), atol=1e-6)


def test_a_window_has_the_same_forecast_alone_in_company_and_anywhere_in_it(model, x_BLF):
    forecast = forecast_of(model, x_BLF)
    for place in (0, 1, 17, WINDOWS_AT_ONCE - 1, len(x_BLF) - 1):
        assert forecast_of(model, x_BLF[place : place + 1])[0] == forecast[place]
    order = np.random.default_rng(1).permutation(len(x_BLF))
    np.testing.assert_array_equal(forecast_of(model, x_BLF[order]), forecast[order])


def test_dropout_is_off_when_it_forecasts(model, x_BLF):
    model.module.train()
    np.testing.assert_array_equal(forecast_of(model, x_BLF), forecast_of(model, x_BLF))


def test_it_comes_back_from_its_folder_bit_for_bit_and_leaves_random_numbers_alone(model, x_BLF, tmp_path):
    model.save(tmp_path / "new")
    state = torch.get_rng_state()
    again = model.spec.load(tmp_path / "new")
    assert torch.equal(torch.get_rng_state(), state)
    assert (again.spec, again.columns, again.scaler) == (model.spec, model.columns, model.scaler)
    np.testing.assert_array_equal(forecast_of(again, x_BLF), forecast_of(model, x_BLF))


def test_forecasts_are_the_same_on_any_setting_of_threads_and_leave_it_alone(model, x_BLF):
    before, forecasts = torch.get_num_threads(), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        forecasts.append(forecast_of(model, x_BLF))
        assert torch.get_num_threads() == threads
    torch.set_num_threads(before)
    np.testing.assert_array_equal(*forecasts)


def test_no_windows_have_no_forecasts(model):
    assert forecast_of(model, np.empty((0, 12, 3), dtype=np.float32)).shape == (0,)


def test_windows_of_another_length_are_refused(model, x_BLF):
    with pytest.raises(ValueError, match=r"needs \[any, 12, 3\]"):
        model.predict(nameless(x_BLF[:, 1:]))
