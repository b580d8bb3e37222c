"""Fitting: the honest path passes for every model; each leak that is planted in it is caught by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

import models.linear
from assets.training import fit as fitting
from assets.training.forecasts import forecasts
from assets.training.panel import TEST, TRAIN, VALID, Panel, build_panel
from expectations.fitting import controls
from expectations.suites import judge
from models.windows import Cells, TableLayout
from pipelines import fold_path
from pipelines.gate import fitting as gate
from pipelines.gate.fitting import CHECKS, Trial, distinct

RIDGE = {"kind": "linear", "look_back": 3}
TREES = {"kind": "gradient_boosting", "look_back": 3, "rows_in_leaf": 50}
LSTM = {"kind": "lstm", "look_back": 4, "hidden": 4}
BANDED = {"kind": "banded_ridge", "look_back": 2, "blocks": 3, "gap_sessions": 6}
TWO_LEVEL = {"kind": "two_level_lstm", "look_back": 4, "expert": 4, "coordinator": 4, "summaries": 2}
ATTENTION = {"kind": "cross_attention", "look_back": 4, "hidden": 4, "heads": 2}
PROJECTION = {"projection": {"price_volume": {"components": 2}}}

TrialOf = Callable[..., Trial]
Patch = pytest.MonkeyPatch


def evidence(trial: Trial) -> dict[str, pl.DataFrame]:
    return {name: check(trial) for name, _, check, _ in CHECKS}


def failed(found: pl.DataFrame) -> pl.DataFrame:
    return found.filter(~pl.col("passed"))


def moved(trial: Trial) -> set[tuple[str, str]]:
    """What of a fit stayed or moved against what is demanded: replaced window and part."""
    return set(failed(gate.inside_fold(trial)).select("replaced", "part").iter_rows())


@pytest.mark.parametrize(
    ("model", "settings"),
    [
        (RIDGE, {}),
        (TREES, {}),
        (LSTM, {}),
        (TWO_LEVEL, {}),
        (ATTENTION, {}),
        (BANDED, {}),
        (RIDGE, {**PROJECTION, "normalisation": "none"}),
    ],
    ids=["ridge", "trees", "lstm", "two levels", "attention", "banded ridge", "projection"],
)
def test_the_honest_path_passes_and_every_control_moves(
    model: dict[str, object], settings: dict[str, object], trial_of: TrialOf
) -> None:
    found = evidence(trial_of(model, **settings))
    for name, table in found.items():
        assert failed(table).is_empty(), (name, failed(table)["first_example"].to_list())
    assert controls(found["fit_inside_fold"])["controls_moved"].to_list() == [4]
    assert found["forecasts_known"]["alive"].drop_nulls().to_list() == [True] * 3
    assert ("projection.safetensors" in found["fit_inside_fold"]["part"].to_list()) is bool(settings)


def test_the_suite_passes_what_is_honest_and_names_the_part_that_follows_the_test(
    trial_of: TrialOf, monkeypatch: Patch
) -> None:
    trial = trial_of(RIDGE)
    honest = evidence(trial)
    assert judge("fit", honest).passed
    monkeypatch.setattr(models.linear, "sample", sample_of_all)
    judged = judge("fit", {**honest, "fit_inside_fold": gate.inside_fold(trial)})
    assert not judged.passed
    assert any("forecaster.json scaler follows the test window" in text for text in judged.failures)


def test_without_a_control_that_moved_the_suite_fails(trial_of: TrialOf) -> None:
    found = evidence(trial_of(RIDGE))
    skipped = found["fit_inside_fold"].filter(pl.col("replaced") != "train")
    judged = judge("fit", {**found, "fit_inside_fold": skipped})
    assert any("controls_moved is 1" in text for text in judged.failures)
    still = found["forecasts_known"].with_columns(alive=pl.lit(None, dtype=pl.Boolean))
    assert not judge("fit", {**found, "forecasts_known": still}).passed


def sample_of_all(train: Cells, layout: TableLayout) -> np.ndarray:
    """Rows of every cell of the panel, whatever its window: what a scaler fitted on all rows sees."""
    securities, sessions = (axis.ravel() for axis in np.indices(train.x_STF.shape[:2]))
    return layout.of_cells(train.x_STF, securities, sessions)


def test_a_scaler_fitted_on_all_rows_is_caught(trial_of: TrialOf, monkeypatch: Patch) -> None:
    monkeypatch.setattr(models.linear, "sample", sample_of_all)
    found = moved(trial_of(RIDGE))
    assert ("test", "forecaster.json scaler") in found
    assert ("valid and test", "forecaster.json scaler") in found


def test_a_projection_fitted_on_train_and_validation_is_caught(trial_of: TrialOf, monkeypatch: Patch) -> None:
    honest, panels = fitting.fit_projection, list[Panel]()

    def leaky(train: Cells, *rest: Any) -> Any:
        seen_ST = panels[-1].labelled(TRAIN) | panels[-1].labelled(VALID)
        sessions, rows = np.nonzero(seen_ST.T)
        return honest(Cells(train.x_STF, rows, sessions, panels[-1].target_ST[rows, sessions]), *rest)

    def seen(experiment: Any, panel: Panel, *rest: Any) -> Any:
        panels.append(panel)
        return fold_path.fit_panel(experiment, panel, *rest)

    monkeypatch.setattr(gate, "fit_panel", seen)
    monkeypatch.setattr(fitting, "fit_projection", leaky)
    found = moved(trial_of(RIDGE, **PROJECTION))
    assert ("valid and test", "projection.safetensors") in found
    assert "test" not in {replaced for replaced, _ in found}


@pytest.mark.parametrize("model", [TREES, LSTM], ids=["trees", "lstm"])
def test_early_stopping_on_the_test_is_caught_also_after_one_epoch(
    model: dict[str, object], trial_of: TrialOf, monkeypatch: Patch
) -> None:
    honest = fitting._cells
    monkeypatch.setattr(
        fitting, "_cells", lambda panel, segment, name: honest(panel, TEST if segment == VALID else segment, name)
    )
    assert ("test", "history") in moved(trial_of(model))


def test_target_encoding_over_all_folds_is_caught(trial_of: TrialOf, monkeypatch: Patch) -> None:
    def encoded(**frames: Any) -> Panel:
        panel = build_panel(**frames)
        means = np.nansum(panel.label_ST, axis=1) / panel.label_ST.shape[1]
        x_STF = panel.x_STF.copy()
        x_STF[:, :, -1] += 50 * means[:, None]
        return replace(panel, x_STF=x_STF)

    trial = trial_of(RIDGE)
    monkeypatch.setattr(fold_path, "build_panel", encoded)
    assert ("test", "weights.safetensors") in moved(trial)
    withheld = failed(gate.withheld(trial))
    assert set(withheld["part"]) == {"features"}
    assert withheld["first_example"].str.contains("volume_3: ").all()


def test_windows_at_random_are_caught(trial_of: TrialOf, monkeypatch: Patch) -> None:
    def at_random(labels: pl.DataFrame, *_: object) -> pl.DataFrame:
        drawn = labels.select(pl.struct("session", "security_id").hash(seed=1) % 3).to_series()
        return labels.with_columns(segment=drawn.replace_strict({0: "train", 1: "valid", 2: "test"}))

    monkeypatch.setattr(fold_path, "segments", at_random)
    assert {("test", "history"), ("test", "weights.safetensors")} <= moved(trial_of(RIDGE))


def test_labels_that_reach_into_the_test_are_caught_when_they_are_not_purged(
    trial_of: TrialOf, monkeypatch: Patch
) -> None:
    honest = fold_path.segments

    def unpurged(labels: pl.DataFrame, fold: Any, hour: int) -> pl.DataFrame:
        whole = honest(labels, fold, hour)
        is_valid = (pl.col("segment") == "purged") & (pl.col("session") >= fold.valid_start)
        return whole.with_columns(segment=pl.when(is_valid).then(pl.lit("valid")).otherwise("segment"))

    monkeypatch.setattr(fold_path, "segments", unpurged)
    assert ("test", "history") in moved(trial_of(RIDGE))


def test_rows_dropped_by_their_label_and_filled_from_the_row_before_are_caught(
    trial_of: TrialOf, monkeypatch: Patch
) -> None:
    def filled(features: Mapping[str, pl.DataFrame], labels: pl.DataFrame, **rest: Any) -> Panel:
        known = labels.filter(pl.col("forward_return").is_not_null()).select("session", "security_id")
        kept = {
            name: labels.select("session", "security_id")
            .join(frame.join(known, on=["session", "security_id"]), on=["session", "security_id"], how="left")
            .sort("session")
            .with_columns(pl.exclude("session", "security_id").forward_fill().over("security_id"))
            for name, frame in features.items()
        }
        return build_panel(features=kept, labels=labels, **rest)

    monkeypatch.setattr(fold_path, "build_panel", filled)
    found = failed(gate.withheld(trial_of(RIDGE)))
    assert {"permuted", "removed"} <= set(found["labels"])
    assert set(found["part"]) == {"features"}


def test_a_normaliser_over_all_sessions_of_the_test_is_caught(trial_of: TrialOf, monkeypatch: Patch) -> None:
    def batch_normalised(panel: Panel, *rest: Any) -> pl.DataFrame:
        x_STF, test_T = panel.x_STF.copy(), (panel.segment_ST == TEST).any(axis=0)
        x_STF[:, test_T] -= np.nanmean(x_STF[:, test_T], axis=(0, 1))
        return forecasts(replace(panel, x_STF=x_STF), *rest)

    trial = trial_of(RIDGE)
    assert moved(trial) == set()
    monkeypatch.setattr(gate, "forecasts", batch_normalised)
    found = failed(gate.known(trial))
    assert found["replaced"].unique().to_list() == ["sessions after the decision"]
    assert found["rows_changed"].min() > 0


def test_forecasts_of_those_with_a_label_alone_are_caught(trial_of: TrialOf, monkeypatch: Patch) -> None:
    def labelled(panel: Panel, *rest: Any) -> pl.DataFrame:
        return forecasts(replace(panel, member_ST=panel.member_ST & np.isfinite(panel.label_ST)), *rest)

    monkeypatch.setattr(gate, "forecasts", labelled)
    found = failed(gate.known(trial_of(RIDGE)))
    assert {"labels of the test permuted", "labels of the test removed"} <= set(found["replaced"])
    assert found.filter(pl.col("replaced").str.starts_with("nothing"))["rows_missing"].item() > 0


def signed_by_labels(panel: Panel, *rest: Any) -> pl.DataFrame:
    """Forecasts turned round where they disagreed with the labels of validation and test."""
    made = forecasts(panel, *rest)
    rows, sessions = panel.forecast_cells()
    told = made.with_columns(label=pl.Series(panel.label_ST[rows, sessions])).filter(pl.col("label").is_not_nan())
    agreed = told.select(pl.corr("forecast", "label", method="spearman")).item()
    return made.with_columns(pl.col("forecast") * (1 if np.isnan(agreed) or agreed >= 0 else -1))


def test_a_sign_chosen_on_the_test_moves_under_the_truth_that_opposes_it(trial_of: TrialOf, monkeypatch: Patch) -> None:
    trial = trial_of(RIDGE)
    monkeypatch.setattr(gate, "forecasts", signed_by_labels)
    found = set(failed(gate.known(trial))["replaced"])
    assert len(found & {"labels of the test agreeing", "labels of the test opposed"}) == 1


def test_code_that_cannot_forecast_without_the_truth_fails_the_check(trial_of: TrialOf, monkeypatch: Patch) -> None:
    def needy(panel: Panel, *rest: Any) -> pl.DataFrame:
        if not np.isfinite(panel.label_ST[panel.segment_ST == TEST]).any():
            raise ValueError("no label to calibrate on")
        return forecasts(panel, *rest)

    trial = trial_of(RIDGE)
    monkeypatch.setattr(gate, "forecasts", needy)
    found = failed(gate.known(trial))
    assert found["replaced"].to_list() == ["labels of the test removed"]
    assert found["first_example"].item() == "no forecasts: ValueError: no label to calibrate on"


@pytest.mark.parametrize("jitter", [0.0, 0.001])
def test_rows_of_the_test_copied_into_train_are_caught(jitter: float, trial_of: TrialOf, monkeypatch: Patch) -> None:
    def copied(**frames: Any) -> Panel:
        panel = build_panel(**frames)
        x_STF, rng = panel.x_STF.copy(), np.random.default_rng(0)
        train_T, test_T = (np.flatnonzero((panel.segment_ST == one).any(axis=0)) for one in (TRAIN, TEST))
        copies = x_STF[:, test_T[:8]]
        x_STF[:, train_T[:8]] = np.roll(copies, 3, axis=0) + jitter * copies * rng.normal(0, 1, copies.shape)
        return replace(panel, x_STF=x_STF)

    trial = trial_of(RIDGE)
    assert gate.apart(trial)["rows_twin"].to_list() == [0, 0, 0]
    monkeypatch.setattr(fold_path, "build_panel", copied)
    assert failed(gate.apart(trial))["boundary"].to_list() == ["train|test"]


def test_a_fit_that_learns_nothing_shows_nothing(trial_of: TrialOf, monkeypatch: Patch) -> None:
    remembered: dict[int, Any] = {}

    def cached(experiment: Any, panel: Panel, seed: int, on_epoch: Any) -> Any:
        return remembered.setdefault(seed, fold_path.fit_panel(experiment, panel, seed, on_epoch))

    monkeypatch.setattr(gate, "fit_panel", cached)
    assert moved(trial_of(RIDGE)) >= {("train", "files"), ("train", "history")}


def test_a_fit_that_is_not_reproducible_is_called_so(trial_of: TrialOf, monkeypatch: Patch) -> None:
    honest = fold_path.fit_panel
    seeds = iter(range(100))
    monkeypatch.setattr(gate, "fit_panel", lambda experiment, panel, _, on: honest(experiment, panel, next(seeds), on))
    found = failed(gate.inside_fold(trial_of(LSTM)))
    assert found["first_example"].str.contains("it is not reproducible").all()


def test_experiments_that_differ_in_what_they_trade_only_are_tried_once(trial_of: TrialOf) -> None:
    one = trial_of(RIDGE).experiment
    other = one.model_copy(update={"name": "other", "trading": one.trading.model_copy(update={"top_k": 3})})
    deeper = one.model_copy(update={"name": "deeper", "model": one.model.model_copy(update={"look_back": 5})})
    found = distinct({"study": one, "other": other, "deeper": deeper})
    assert [experiment.name for experiment in found] == ["study", "deeper"]
