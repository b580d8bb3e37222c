"""Tests of the table of forecasts."""

import dataclasses
from datetime import time

import numpy as np
import polars as pl
import pytest

from assets.training.fit import fit
from assets.training.forecasts import forecasts, whole_sessions
from assets.training.panel import TEST, VALID
from assets.training.spec import TrainingSpec
from expectations.tables import Forecasts
from models.heads import LogitNormalHead
from models.linear import LinearSpec
from models.losses import MeanSquaredSpec
from models.lstm import LstmSpec
from models.projection import ProjectionSpec
from models.served import load
from models.windows import windows
from tests.models.asking import forecast_of

TRAINING = TrainingSpec(max_epochs=2, burn_in=6, span=10, threads=1)
MODELS = (LinearSpec(look_back=4), LstmSpec(look_back=8, hidden=8))
by_kind = pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)


def fitted(panel, model):
    return fit(panel, model, MeanSquaredSpec(), TRAINING, 0, lambda record: None).forecaster


@by_kind
def test_every_member_of_valid_and_test_has_a_forecast_from_its_plain_window(panel, model):
    forecaster = fitted(panel, model)
    frame = Forecasts.validate(forecasts(panel, forecaster, 2, "2014-05-12"))
    assert len(frame) == (panel.member_ST & np.isin(panel.segment_ST, (VALID, TEST))).sum()
    for row in frame.sample(20, seed=0).to_dicts():
        s, t = panel.grid.securities.index(row["security_id"]), panel.grid.sessions.index(row["session"])
        window = windows(panel.x_STF, np.array([s]), np.array([t]), model.look_back)
        assert row["forecast"] == forecast_of(forecaster, window)[0]
        assert row["segment"] == {VALID: "valid", TEST: "test"}[panel.segment_ST[s, t]]
        assert (row["seed"], row["fold"]) == (2, "2014-05-12")


def test_a_name_without_a_label_has_a_forecast(panel):
    frame = forecasts(panel, fitted(panel, MODELS[0]), 0, "2014-05-12")
    unlabelled = np.nonzero(np.isnan(panel.label_ST) & panel.member_ST & (panel.segment_ST == TEST))
    cell = pl.col("security_id") == panel.grid.securities[unlabelled[0][0]]
    assert frame.filter(cell, pl.col("session") == panel.grid.sessions[unlabelled[1][0]])["forecast"].is_finite().all()


def test_the_decision_is_made_at_its_hour_of_its_session(panel):
    frame = forecasts(panel, fitted(panel, MODELS[0]), 0, "2014-05-12", decided_hour=18)
    assert (frame["decided_at"].dt.date() == frame["session"]).all()
    assert (frame["decided_at"].dt.time() == time(18)).all()


@by_kind
def test_later_sessions_change_no_forecast(panel, model):
    forecaster = fitted(panel, model)
    cut = 145
    x = panel.x_STF.copy()
    x[:, cut:] = 7
    early = pl.col("session") < panel.grid.sessions[cut]
    one, other = (forecasts(part, forecaster, 0, "2014-05-12") for part in (panel, dataclasses.replace(panel, x_STF=x)))
    assert one.filter(early).equals(other.filter(early))
    assert not one.equals(other)


@by_kind
def test_a_saved_forecaster_gives_the_same_table(panel, model, tmp_path):
    forecaster = fitted(panel, model)
    forecaster.save(tmp_path)
    assert forecasts(panel, load(tmp_path), 0, "a").equals(forecasts(panel, forecaster, 0, "a"))


@by_kind
def test_a_saved_projection_gives_the_same_table(panel, model, tmp_path):
    asked = {"price_window": ProjectionSpec(components=1)}
    panel = dataclasses.replace(panel, sequence_columns=())
    forecaster = fit(panel, model, MeanSquaredSpec(), TRAINING, 0, lambda record: None, asked).forecaster
    forecaster.save(tmp_path)
    again = forecasts(panel, load(tmp_path), 0, "a")
    assert again.equals(forecasts(panel, forecaster, 0, "a"))
    (tmp_path / "projection.json").unlink()
    with pytest.raises(ValueError, match=r"the forecaster was fitted on .*price_window_component_0"):
        forecasts(panel, load(tmp_path), 0, "a")


def test_no_session_is_in_two_parts_and_no_cell_is_lost(monkeypatch):
    monkeypatch.setattr("assets.training.forecasts.WINDOWS_AT_ONCE", 10)
    sessions = np.repeat([3, 4, 6, 7, 9], [4, 25, 1, 3, 12])
    parts = whole_sessions(sessions)
    assert [sessions[part].tolist() for part in parts if sessions[part].size] == [
        sessions[part].tolist() for part in parts
    ]
    assert np.concatenate([sessions[part] for part in parts]).tolist() == sessions.tolist()
    held = [set(sessions[part]) for part in parts]
    assert sum(map(len, held)) == len(set().union(*held)) == 5
    assert len(parts) > 1
    assert whole_sessions(sessions[:0]) == []


def test_what_a_model_does_not_state_is_null_and_what_it_states_is_kept(panel):
    plain = forecasts(panel, fitted(panel, MODELS[1]), 0, "a")
    assert plain.select("noise_scale", "probability", "probability_std").null_count().row(0) == (len(plain),) * 3
    loss = LogitNormalHead()
    fit_of = fit(panel, MODELS[1], loss, TRAINING, 0, lambda record: None).forecaster
    frame = forecasts(panel, fit_of, 0, "a")
    assert frame["noise_scale"].null_count() == len(frame)
    assert frame["probability"].is_between(0, 1).all()
    assert (frame["probability_std"] > 0).all()


def test_parts_do_not_change_it(panel, monkeypatch):
    forecaster = fitted(panel, MODELS[1])
    whole = forecasts(panel, forecaster, 0, "a")
    monkeypatch.setattr("assets.training.forecasts.WINDOWS_AT_ONCE", 100)
    assert forecasts(panel, forecaster, 0, "a").equals(whole)


def test_a_panel_of_other_columns_is_refused(panel):
    other = dataclasses.replace(panel, columns=("log_return", "open_to_close", "turnover"))
    with pytest.raises(ValueError, match="build the panel from the same feature groups"):
        forecasts(other, fitted(panel, MODELS[0]), 0, "a")
