"""LSTM beside Qlib's loop: both see the same cells, and times and ratios are what was told."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch

from assets.training.journal import EpochRecord
from assets.training.panel import TRAIN
from benchmarks import lstm
from benchmarks.importance import drawn
from benchmarks.lstm import Learnt, Watch, beside, cells_of, lay_out
from benchmarks.peers.alpha360_layout import laid_out
from models.scaling import fit_scaler
from models.windows import windows

DAYS = [date(2015, 1, 1) + timedelta(day) for day in range(40)]
NAMES = [f"sh{600000 + number}" for number in range(30)]


def learnt(engine: str, valid: tuple[float, ...], speed: float, test: pl.DataFrame) -> Learnt:
    seconds = tuple(10.0 * (place + 1) for place in range(len(valid)))
    return Learnt(engine, 0, speed, valid, seconds if engine == "qlib" else tuple(s / 100 for s in seconds), test)


def table(values: np.ndarray) -> pl.DataFrame:
    keys = pl.DataFrame({"session": DAYS}).join(pl.DataFrame({"security_id": NAMES}), how="cross")
    return keys.with_columns(seed=pl.lit(0), segment=pl.lit("test"), fold=pl.lit("fold"), forecast=pl.Series(values))


def test_the_peer_is_given_the_scaled_features_and_the_labelled_cells_in_time_order(tmp_path: Path) -> None:
    panel, _ = drawn(0)
    panel.segment_ST[:, -5:] = 3
    lay_out(panel, tmp_path)
    rows_B, sessions_B = cells_of(panel, TRAIN)
    assert np.array_equal(np.load(tmp_path / "train_rows.npy"), rows_B)
    assert (np.diff(np.load(tmp_path / "train_sessions.npy")) >= 0).all()
    assert np.array_equal(np.load(tmp_path / "train_target.npy"), panel.target_ST[rows_B, sessions_B])
    scaled = fit_scaler(panel.x_STF[panel.labelled(TRAIN)])(panel.x_STF)
    assert np.array_equal(np.load(tmp_path / "z.npy"), scaled)


def test_the_peer_sees_the_windows_of_our_cells_feature_by_feature() -> None:
    panel, _ = drawn(0)
    rows_B, sessions_B = cells_of(panel, TRAIN)
    z_STF = fit_scaler(panel.x_STF[panel.labelled(TRAIN)])(panel.x_STF)
    rows_B, sessions_B = rows_B[:50], sessions_B[:50]
    ours_BLF = np.nan_to_num(windows(z_STF, rows_B, sessions_B, 12))
    theirs_BFL = laid_out(z_STF, rows_B, sessions_B, 12).reshape(len(rows_B), z_STF.shape[2], 12)
    assert np.array_equal(theirs_BFL, ours_BLF.transpose(0, 2, 1))


def test_a_watch_keeps_weights_as_they_were_and_counts_on_from_its_begin(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 5.0, 9.0, 12.0])
    monkeypatch.setattr(lstm, "time", SimpleNamespace(process_time=clock.__next__))
    watch = Watch()
    weights = torch.ones(3)
    watch.save({"loop": {"mean": {"a": weights}}})
    weights += 1
    assert watch.weights[0]["a"].tolist() == [1, 1, 1]
    watch.note(EpochRecord(1, 0.0, 0.0, 0.0))
    assert watch.seconds == [12.0 - (9.0 - 5.0)]


def test_ratios_are_those_of_labels_and_of_the_time_to_what_the_peer_reached_at_its_best() -> None:
    rng = np.random.default_rng(0)
    returns_N = rng.normal(0, 0.02, len(DAYS) * len(NAMES))
    theirs = learnt("qlib", (0.01, 0.05, 0.04), 1_000, table(returns_N + rng.normal(0, 0.1, len(returns_N))))
    ours = learnt("ours", (0.02, 0.04, 0.049, 0.06), 40_000, table(returns_N + rng.normal(0, 0.1, len(returns_N))))
    returns = table(returns_N).select(
        "session", "security_id", horizon=pl.lit(5), forward_return="forecast", paper_return="forecast"
    )
    figures = beside([theirs], [ours], returns, 5)
    assert figures["ratio_labels"] == 40
    assert figures["ratio_time_to_quality"] == pytest.approx(20 / 0.4)
    assert abs(float(str(figures["difference"]))) < 0.1
    never = learnt("ours", (0.01, 0.04), 40_000, ours.test)
    assert beside([theirs], [never], returns, 5)["ratio_time_to_quality"] == 0
