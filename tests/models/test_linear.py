"""Tests of the ridge regression."""

import numpy as np
import pytest
from pydantic import ValidationError

from models.linear import LinearSpec
from models.ranking import RankIc
from models.windows import Cells, windows
from tests.models.asking import forecast_of


def fitted(spec, train, valid, layout):
    told = []
    return spec.fit(train, valid, layout, 0, 1, lambda *record: told.append(record)), told


@pytest.fixture
def spec():
    return LinearSpec(look_back=5)


def of(x_STF, cells, look_back=5):
    return windows(x_STF, cells.securities_B, cells.sessions_B, look_back)


def test_weights_solve_the_ridge_equations(x_STF, train, valid, layout):
    model, _ = fitted(LinearSpec(look_back=5, penalties=(0.1,)), train, valid, layout)
    z = model.scaler(layout.of_windows(of(x_STF, train))).astype(float)
    gram, moment = z.T @ z / len(z), z.T @ train.target_B / len(z)
    penalty = 0.1 * np.trace(gram) / len(gram)
    np.testing.assert_allclose(model.weights_C, np.linalg.solve(gram + penalty * np.eye(len(gram)), moment), atol=1e-8)


def test_it_finds_a_planted_linear_signal(x_STF, train, valid, layout, spec):
    model, told = fitted(spec, train, valid, layout)
    assert RankIc(valid.target_B, valid.sessions_B)(forecast_of(model, of(x_STF, valid))) > 0.4
    assert told == [(1, pytest.approx(0.5, abs=0.2), pytest.approx(0.6, abs=0.2))]


def test_the_training_loss_it_tells_is_that_of_its_forecasts(x_STF, train, valid, layout, spec):
    model, told = fitted(spec, train, valid, layout)
    loss = np.square(forecast_of(model, of(x_STF, train)) - train.target_B).mean()
    assert told[0][1] == pytest.approx(loss, rel=1e-6)


def test_the_penalty_is_the_one_with_the_best_validation_rank_ic(x_STF, train, valid, layout):
    scores = {}
    for penalty in (0.001, 1.0, 1000.0):
        scores[penalty] = fitted(LinearSpec(look_back=5, penalties=(penalty,)), train, valid, layout)[1][0][2]
    chosen = fitted(LinearSpec(look_back=5, penalties=(0.001, 1.0, 1000.0)), train, valid, layout)[1][0][2]
    assert chosen == max(scores.values())
    assert len(set(scores.values())) > 1


def test_chunks_do_not_change_it(x_STF, train, valid, layout, spec, monkeypatch):
    whole, _ = fitted(spec, train, valid, layout)
    monkeypatch.setattr("models.moments.ROWS_AT_ONCE", 501)
    np.testing.assert_allclose(fitted(spec, train, valid, layout)[0].weights_C, whole.weights_C, rtol=1e-9)


def test_validation_rows_do_not_move_scaler_or_weights(x_STF, train, valid, layout):
    spec = LinearSpec(look_back=5, penalties=(0.1,))
    model, _ = fitted(spec, train, valid, layout)
    changed = x_STF.copy()
    changed[:, 90:] = 7
    again, _ = fitted(
        spec,
        Cells(changed, train.securities_B, train.sessions_B, train.target_B),
        Cells(changed, valid.securities_B, valid.sessions_B, valid.target_B),
        layout,
    )
    assert again.scaler == model.scaler
    np.testing.assert_array_equal(again.weights_C, model.weights_C)


def test_a_window_has_the_same_forecast_alone_and_in_company(x_STF, train, valid, layout, spec):
    model, _ = fitted(spec, train, valid, layout)
    x = of(x_STF, valid)
    alone = np.concatenate([forecast_of(model, window[None]) for window in x[:40]])
    np.testing.assert_array_equal(alone, forecast_of(model, x)[:40])


def test_it_comes_back_from_its_folder_bit_for_bit(x_STF, train, valid, layout, spec, tmp_path):
    model, _ = fitted(spec, train, valid, layout)
    model.save(tmp_path)
    np.testing.assert_array_equal(
        forecast_of(spec.load(tmp_path), of(x_STF, valid)),
        forecast_of(model, of(x_STF, valid)),
    )


def test_columns_that_never_vary_get_no_weight(x_STF, train, valid, layout, spec):
    constant = x_STF.copy()
    constant[:, :, 2] = 3
    model, _ = fitted(
        spec,
        Cells(constant, train.securities_B, train.sessions_B, train.target_B),
        Cells(constant, valid.securities_B, valid.sessions_B, valid.target_B),
        layout,
    )
    assert model.weights_C[-1] == 0
    assert np.isfinite(model.weights_C).all()


def test_a_misspelt_setting_is_refused():
    with pytest.raises(ValidationError, match="penaltys"):
        LinearSpec(penaltys=(1.0,))
