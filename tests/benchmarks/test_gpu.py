"""GPU: operations are counted as they are, and the benchmark runs where there is no graphics processor."""

from __future__ import annotations

import pytest
import torch

from benchmarks.gpu import (
    MODELS,
    OTHERS,
    SEQUENCE,
    VALIDATED,
    epoch,
    forward_operations,
    peak_copy,
    peak_matmul,
    random_figures,
)


def test_operations_are_those_of_every_layer() -> None:
    panel = random_figures(8, 260, SEQUENCE)
    hidden = 64
    recurrent = 8 * hidden * (SEQUENCE + hidden) + 8 * hidden * (hidden + hidden)
    assert forward_operations(panel, MODELS["lstm"]) == recurrent + 2 * hidden
    wide = random_figures(8, 260, SEQUENCE + OTHERS)
    read = 8 * 64 * (SEQUENCE + 64) + 2 * OTHERS * 32
    assert forward_operations(wide, MODELS["multi_source_mlp"]) == read + 2 * ((64 + 5 * 32) * 256 + 256 * 128 + 128)


def test_shares_are_of_the_measured_peaks() -> None:
    place = torch.device("cpu")
    told = epoch(random_figures(8, 460, SEQUENCE), MODELS["lstm"], place, peak_matmul(place), peak_copy(place))
    assert 0 < float(str(told["share_of_matmul"])) < 1
    assert 0 < float(str(told["share_of_copying"])) < 1
    labels = float(str(told["labels_a_second"])) * float(str(told["seconds_an_epoch"]))
    assert labels == pytest.approx(8 * (460 - VALIDATED), rel=0.1)
