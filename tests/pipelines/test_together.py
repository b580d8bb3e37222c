"""Together: two processes that share every step end where one ends; what goes wrong among them is told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from assets.training.fit import fit
from assets.training.journal import EpochRecord
from assets.training.panel import Panel
from assets.training.spec import TrainingSpec
from assets.training.team import seeded
from assets.wide import Grid
from models.losses import MeanSquaredSpec, PairwiseSpec
from models.lstm import LstmSpec
from models.network import Network
from pipelines.checkpoint import Checkpoint
from pipelines.together import fit_elsewhere, laid_out

TOLERANCE = 1e-5
"""Largest difference of a weight: sums are made in another order."""
MODEL = LstmSpec(look_back=8, hidden=8, layers=2, precision="fp32")
TRAINING = TrainingSpec(max_epochs=4, patience=4, burn_in=6, span=10, batch_size=5, batches_a_step=2, threads=1)


@pytest.fixture(scope="module")
def panel() -> Panel:
    rng = np.random.default_rng(0)
    names, sessions = 14, 130
    days = tuple(date(2015, 1, 1) + timedelta(day) for day in range(sessions))
    x = rng.normal(size=(names, sessions, 3)).astype(np.float32)
    target = x[:, :, 0] + rng.normal(size=(names, sessions)).astype(np.float32)
    segment = np.broadcast_to(np.where(np.arange(sessions) < 95, 1, 2).astype(np.int8), (names, sessions)).copy()
    ids = tuple(f"sz{number:06d}" for number in range(names))
    return Panel(
        Grid(days, ids),
        ("a", "b", "c"),
        ("a",),
        ("g",) * 3,
        x,
        target,
        target,
        np.ones((names, sessions), bool),
        segment,
    )


@pytest.fixture(scope="module")
def folder(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    place = tmp_path_factory.mktemp("panel")
    with laid_out(panel, place):
        yield place
    assert not place.exists()


def weights(fitted: object) -> dict[str, torch.Tensor]:
    assert isinstance(fitted, Network)
    return fitted.module.state_dict()


@pytest.mark.slow
def test_two_processes_end_where_one_ends_and_go_on_where_they_were_stopped(
    panel: Panel, folder: Path, tmp_path: Path
) -> None:
    one = fit(panel, MODEL, MeanSquaredSpec(), TRAINING, 3, lambda _: None)
    told: list[int] = []
    team = TRAINING.model_copy(update={"processes": 2})
    kept = Checkpoint(tmp_path / "fold.pt", "this")
    two = fit_elsewhere(folder, MODEL, MeanSquaredSpec(), team, 3, lambda record: told.append(record.epoch), {}, kept)
    assert told == [1, 2, 3, 4]
    for name, values in weights(one.forecaster).items():
        torch.testing.assert_close(weights(two.forecaster)[name], values, atol=TOLERANCE, rtol=0)
    for ours, theirs in zip(one.history, two.history, strict=True):
        assert ours.train_loss == pytest.approx(theirs.train_loss, abs=TOLERANCE)
        assert ours.gradient_norm == pytest.approx(theirs.gradient_norm, abs=TOLERANCE)
    again = fit_elsewhere(folder, MODEL, MeanSquaredSpec(), team, 3, lambda record: told.append(record.epoch), {}, kept)
    assert told == [1, 2, 3, 4]
    assert all(torch.equal(weights(again.forecaster)[name], value) for name, value in weights(two.forecaster).items())


@pytest.mark.slow
def test_they_stop_together_also_by_a_loss_that_draws_numbers(panel: Panel, folder: Path) -> None:
    training = TRAINING.model_copy(update={"stop_by": "loss", "max_epochs": 60, "patience": 1, "learning_rate": 0.05})
    one = fit(panel, MODEL, PairwiseSpec(partners=3), training, 3, lambda _: None)
    team = training.model_copy(update={"processes": 2})
    two = fit_elsewhere(folder, MODEL, PairwiseSpec(partners=3), team, 3, lambda _: None, {})
    assert len(one.history) == len(two.history) < 60
    for ours, theirs in zip(one.history, two.history, strict=True):
        assert ours.valid_loss == pytest.approx(theirs.valid_loss, abs=TOLERANCE)


@pytest.mark.slow
def test_what_goes_wrong_among_them_is_told(folder: Path) -> None:
    team = TRAINING.model_copy(update={"processes": 2, "learning_rate": 1e30})
    with pytest.raises(RuntimeError, match=r"2 processes could not fit together:(.|\n)*it diverged"):
        fit_elsewhere(folder, MODEL, MeanSquaredSpec(), team, 3, lambda _: None, {})


@pytest.mark.slow
def test_another_process_ends_with_the_same_bits(panel: Panel, folder: Path) -> None:
    told: list[EpochRecord] = []
    here = fit(panel, MODEL, MeanSquaredSpec(), TRAINING, 3, lambda _: None)
    there = fit_elsewhere(folder, MODEL, MeanSquaredSpec(), TRAINING, 3, told.append, {})
    assert all(torch.equal(weights(there.forecaster)[name], value) for name, value in weights(here.forecaster).items())
    assert [record.valid_loss for record in told] == [record.valid_loss for record in here.history]
    too_fast = TRAINING.model_copy(update={"learning_rate": 1e30})
    with pytest.raises(RuntimeError, match=r"another process could not fit:(.|\n)*it diverged"):
        fit_elsewhere(folder, MODEL, MeanSquaredSpec(), too_fast, 3, told.append, {})


def test_processes_must_share_the_batches_of_a_step() -> None:
    with pytest.raises(ValidationError, match="batches_a_step is 3, which 2 processes cannot share"):
        TrainingSpec(batches_a_step=3, processes=2)


def test_random_numbers_are_those_of_all_the_numbers_given() -> None:
    drawn = []
    for numbers in ((0, 1, 2), (0, 1, 2), (0, 2, 1), (1, 1, 2), (0, 1, 3), (0, 1)):
        seeded(*numbers)
        drawn.append(torch.rand(3).tolist())
    assert drawn[0] == drawn[1]
    assert len({tuple(values) for values in drawn}) == 5
