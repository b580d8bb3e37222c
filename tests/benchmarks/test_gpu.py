"""GPU: operations are counted as they are, and the benchmark runs where there is no graphics processor."""

from __future__ import annotations

import itertools
from types import SimpleNamespace

import pytest
import torch

from assets.training.fit import needed
from benchmarks import gpu
from benchmarks.gpu import (
    MODELS,
    OTHERS,
    SEQUENCE,
    TRAINING,
    VALIDATED,
    epoch,
    forward_operations,
    peak_copy,
    peak_matmul,
    random_figures,
)
from models.losses import MeanSquaredSpec


def test_operations_are_those_of_every_layer() -> None:
    panel = random_figures(8, 260, SEQUENCE)
    hidden = 64
    recurrent = 8 * hidden * (SEQUENCE + hidden) + 8 * hidden * (hidden + hidden)
    assert forward_operations(panel, MODELS["lstm"]) == recurrent + 2 * hidden
    wide = random_figures(8, 260, SEQUENCE + OTHERS)
    read = 8 * 64 * (SEQUENCE + 64) + 2 * OTHERS * 32
    assert forward_operations(wide, MODELS["multi_source_mlp"]) == read + 2 * ((64 + 5 * 32) * 256 + 256 * 128 + 128)


def test_shares_are_of_the_measured_peaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "time", SimpleNamespace(perf_counter=itertools.count(0.0, 0.5).__next__))
    panel, place = random_figures(8, 460, SEQUENCE), torch.device("cpu")
    assert peak_matmul(place) == 2 * 1024**3 / 0.5
    assert peak_copy(place) == 2 * 2**26 / 0.5
    told = epoch(panel, MODELS["lstm"], place, matmul=1e9, copied=1e9)
    labels = 8 * (460 - VALIDATED)
    assert told["labels_a_second"] == labels / 0.5
    operations = 3 * forward_operations(panel, MODELS["lstm"]) * labels * 240 / 180
    assert told["share_of_matmul"] == pytest.approx(operations / 0.5 / 1e9, rel=1e-3)
    memory = needed(panel, MODELS["lstm"], MeanSquaredSpec(), TRAINING)
    moved = labels * 240 / 180 * SEQUENCE * 4 + 2 * (460 - VALIDATED) / 180 * memory.step
    assert told["share_of_copying_at_most"] == pytest.approx(moved / 0.5 / 1e9, rel=1e-2)
