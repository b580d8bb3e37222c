"""GPU: how fast a full market trains on a graphics processor, and how near that is to what the processor can do.

A panel of random figures, 5,000 names x 2,500 sessions, goes through whole epochs of the training loop: an LSTM on six
columns, and the multi-source MLP on those and 200 columns of other sources. Told are labels a second, the share of the
peak of matrix products and of copying that the epochs keep busy, both measured here, and the peak of memory.
Operations are counted: those of matrix products by torch, those of LSTM layers, which torch does not count, as
8 H (I + H) for each session of an input of width I; training is three times the forward pass. Bytes are those of the
panel that is read and of what a step keeps for its gradients, written once and read once, all in float32: where bf16 is
kept the share of copying is lower than told.

Without a graphics processor nothing can be told of one: `--names` and `--sessions` small tell whether it runs.
"""
# S securities, T sessions, F features

from __future__ import annotations

import argparse
import math
import platform
import sys
import time
from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from assets.training.fit import fit, needed
from assets.training.journal import EpochRecord
from assets.training.panel import TRAIN, VALID, Panel
from assets.training.spec import TrainingSpec
from assets.wide import Grid
from benchmarks.outcome import end, not_possible
from models.losses import MeanSquaredSpec
from models.lstm import LstmSpec
from models.multi_source_mlp import MultiSourceMlpSpec
from models.network import Sequences, Shape, device
from models.windows import TableLayout
from pipelines.home import be_quiet

SEQUENCE, OTHERS = 6, 200
VALIDATED = 120
EPOCHS = 4
"""The first one is not counted: kernels are chosen in it."""
TRAINING = TrainingSpec(
    max_epochs=EPOCHS, patience=EPOCHS, batch_size=1000, burn_in=60, span=180, learning_rate=0.001, threads=None
)
MODELS: dict[str, LstmSpec | MultiSourceMlpSpec] = {
    "lstm": LstmSpec(look_back=60, hidden=64, layers=2),
    "multi_source_mlp": MultiSourceMlpSpec(look_back=60, state=64, source=32, widths=(256, 128)),
}
TRIED = 8192
"""Side of the square matrices of the measured peak, on a graphics processor."""


def main() -> int:
    """Train both networks and print what they reach beside the measured peaks."""
    asked = _asked()
    place = device()
    if place.type != "cuda" and asked.names >= 5000:
        return not_possible("there is no graphics processor; --names 200 --sessions 400 tells whether this runs")
    be_quiet()
    matmul, copied = peak_matmul(place), peak_copy(place)
    print(f"{machine(place)}: matrix products {matmul / 1e12:.1f} TFLOP/s in bf16, copying {copied / 1e9:.0f} GB/s")
    figures: dict[str, object] = {
        "machine": machine(place),
        "matmul_tflops": round(matmul / 1e12, 2),
        "copy_gb_a_second": round(copied / 1e9, 1),
    }
    for name, spec in MODELS.items():
        panel = random_figures(asked.names, asked.sessions, SEQUENCE + (OTHERS if name == "multi_source_mlp" else 0))
        told = epoch(panel, spec, place, matmul, copied)
        print(f"{name:17}" + "  ".join(f"{key} {value}" for key, value in told.items()), flush=True)
        figures |= {f"{name}_{key}": value for key, value in told.items()}
    return end({**figures, "names": asked.names, "sessions": asked.sessions}, ())


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--names", default=5000, type=int)
    parser.add_argument("--sessions", default=2500, type=int)
    return parser.parse_args()


def machine(place: torch.device) -> str:
    """The processor that trains, and the software that drives it."""
    if place.type == "cuda":
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}, CUDA {torch.version.cuda}"
    return f"{platform.machine()} processor, {torch.get_num_threads()} threads, torch {torch.__version__}"


def random_figures(names: int, sessions: int, features: int) -> Panel:
    """A panel of normal figures; the first columns are read as a sequence."""
    rng = np.random.default_rng(0)
    x_STF = rng.standard_normal((names, sessions, features), dtype=np.float32)
    label_ST = 0.02 * rng.standard_normal((names, sessions), dtype=np.float32)
    segment_ST = np.full((names, sessions), TRAIN, dtype=np.int8)
    segment_ST[:, -VALIDATED:] = VALID
    columns = tuple(f"column_{number}" for number in range(features))
    groups = tuple("bars" if place < SEQUENCE else f"source_{(place - SEQUENCE) % 5}" for place in range(features))
    days = tuple(date(2010, 1, 1) + timedelta(day) for day in range(sessions))
    grid = Grid(days, tuple(f"sh{600000 + number}" for number in range(names)))
    known_ST = np.ones((names, sessions), dtype=bool)
    return Panel(grid, columns, columns[:SEQUENCE], groups, x_STF, label_ST, 50 * label_ST, known_ST, segment_ST)


def epoch(
    panel: Panel, spec: LstmSpec | MultiSourceMlpSpec, place: torch.device, matmul: float, copied: float
) -> dict[str, object]:
    """Train for some epochs, and tell the mean one after the first."""
    if place.type == "cuda":
        torch.cuda.reset_peak_memory_stats()
    ends: list[float] = []

    def note(_: EpochRecord) -> None:
        _finish(place)
        ends.append(time.perf_counter())

    fit(panel, spec, MeanSquaredSpec(), TRAINING, 0, note)
    seconds = (ends[-1] - ends[0]) / (len(ends) - 1)
    labels = int(panel.labelled(TRAIN).sum())
    read = labels * (TRAINING.burn_in + TRAINING.span) / TRAINING.span
    memory = needed(panel, spec, MeanSquaredSpec(), TRAINING)
    names = len(panel.x_STF)
    steps = labels / names / TRAINING.span * math.ceil(names / TRAINING.batch_size)
    moved = read * panel.x_STF.shape[2] * 4 + 2 * steps * memory.step
    told: dict[str, object] = {
        "seconds_an_epoch": round(seconds, 3),
        "labels_a_second": round(labels / seconds),
        "share_of_matmul": round(3 * forward_operations(panel, spec) * read / seconds / matmul, 4),
        "share_of_copying_at_most": round(moved / seconds / copied, 4),
        "memory_gib_estimated": round(memory.whole / 2**30, 2),
    }
    if place.type == "cuda":
        told["memory_gib_peak"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
    return told


def forward_operations(panel: Panel, spec: LstmSpec | MultiSourceMlpSpec) -> float:
    """Floating-point operations of the forward pass, for one name and session."""
    names, sessions = 4, 10
    layout = TableLayout(panel.columns, panel.sequence_columns, spec.look_back, panel.groups)
    network = spec.network(Shape(layout, panel.grid.securities[:names], 1)).eval()
    shape = (names, sessions)
    read = Sequences(
        torch.zeros(*shape, len(panel.columns)),
        torch.zeros(names, dtype=torch.long),
        torch.ones(shape, dtype=torch.bool),
    )
    counter = FlopCounterMode(display=False)
    with torch.inference_mode(), counter:
        network(read)
    recurrent = sum(_of_lstm(part) for part in network.modules() if isinstance(part, nn.LSTM))
    return counter.get_total_flops() / (names * sessions) + recurrent


def _of_lstm(layers: nn.LSTM) -> float:
    widths = [layers.input_size, *[layers.hidden_size] * (layers.num_layers - 1)]
    return float(sum(8 * layers.hidden_size * (width + layers.hidden_size) for width in widths))


def peak_matmul(place: torch.device) -> float:
    """Operations a second of a product of large square matrices in bf16."""
    side = TRIED if place.type == "cuda" else 1024
    left, right = (torch.randn(side, side, device=place, dtype=torch.bfloat16) for _ in range(2))
    return 2 * side**3 / _seconds(lambda: left @ right, place)


def peak_copy(place: torch.device) -> float:
    """Bytes a second, read and written, of copying a large array."""
    source = torch.empty(2**30 if place.type == "cuda" else 2**26, dtype=torch.uint8, device=place)
    target = torch.empty_like(source)
    return 2 * source.numel() / _seconds(lambda: target.copy_(source), place)


def _seconds(work: Callable[[], Tensor], place: torch.device, times: int = 10) -> float:
    """The quickest of some runs, each waited for."""
    found = []
    for _ in range(times):
        _finish(place)
        began = time.perf_counter()
        work()
        _finish(place)
        found.append(time.perf_counter() - began)
    return min(found)


def _finish(place: torch.device) -> None:
    if place.type == "cuda":
        torch.cuda.synchronize()


if __name__ == "__main__":
    sys.exit(main())
