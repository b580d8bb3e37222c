"""Checkpoint: a fit that is killed at any moment goes on and ends with the same bits."""

import os
import pickle
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from pipelines.checkpoint import Checkpoint

ROOT = Path(__file__).resolve().parents[2]
FIT = """
import pickle, sys, time
from pathlib import Path
import numpy as np
from assets.training.fit import fit
from assets.training.spec import TrainingSpec
from assets.training.panel import Panel
from assets.wide import Grid
from models.losses import PairwiseSpec
from models.lstm import LstmSpec
from models.augmentation import TimeScalingSpec
from pipelines.checkpoint import Checkpoint
from datetime import date, timedelta

rng = np.random.default_rng(0)
S, T = 12, 120
days = tuple(date(2015, 1, 1) + timedelta(day) for day in range(T))
x = rng.normal(size=(S, T, 3)).astype(np.float32)
target = x[:, :, 0] + rng.normal(size=(S, T)).astype(np.float32)
segment = np.broadcast_to(np.where(np.arange(T) < 80, 1, 2).astype(np.int8), (S, T)).copy()
panel = Panel(
    Grid(days, tuple(f"sz{i:06d}" for i in range(S))), ("a", "b", "c"), ("a",), ("g", "g", "g"), x,
    target, target, np.ones((S, T), bool), segment,
)
training = TrainingSpec(
    max_epochs=16, patience=16, burn_in=6, span=10, batch_size=6, schedule="cosine", augmentation=(TimeScalingSpec(),)
)
epochs = []
def told(record):
    epochs.append(record.epoch)
    print("epoch", record.epoch, flush=True)
    time.sleep(0.02)
fitted = fit(
    panel, LstmSpec(look_back=8, hidden=8, layers=2, precision="fp32"), PairwiseSpec(), training, 3, told,
    keeper=Checkpoint(Path(sys.argv[1]), "this fit"),
)
weights = {name: tensor.numpy().tobytes() for name, tensor in fitted.forecaster.module.state_dict().items()}
history = [(r.epoch, r.train_loss, r.valid_rank_ic, r.gradient_norm) for r in fitted.history]
Path(sys.argv[2]).write_bytes(pickle.dumps((weights, history, epochs)))
"""


def start(checkpoint: Path, out: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", FIT, str(checkpoint), str(out)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True, cwd=ROOT)


def finished(checkpoint: Path, out: Path) -> tuple[dict[str, bytes], list[tuple[float, ...]], list[int]]:
    process = start(checkpoint, out)
    process.communicate(timeout=240)
    assert process.returncode == 0
    found: tuple[dict[str, bytes], list[tuple[float, ...]], list[int]] = pickle.loads(out.read_bytes())
    return found


@pytest.mark.slow
def test_a_fit_that_is_killed_five_times_ends_with_the_same_bits(tmp_path: Path) -> None:
    weights, history, epochs = finished(tmp_path / "whole.pt", tmp_path / "whole")
    assert epochs == list(range(1, 17))
    kept, chance = tmp_path / "killed.pt", random.Random(0)
    for kill in range(5):
        process = start(kept, tmp_path / "never")
        assert process.stdout is not None
        # An epoch is told before it is kept: however slow the machine, the last kill finds one kept.
        for _ in range(2 if kill == 4 else 1):
            assert process.stdout.readline()
        time.sleep(chance.random() * 0.04)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert process.returncode == -signal.SIGKILL, f"kill {kill} came too late"
    assert not (tmp_path / "never").exists()
    last, told, left = finished(kept, tmp_path / "out")
    assert left != epochs
    assert told == history
    assert last == weights


def test_a_state_is_kept_whole_and_belongs_to_its_fit(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path / "a" / "fold.pt", "of these settings")
    assert kept.load() is None
    kept.save({"epoch": 3, "weights": torch.arange(4.0), "records": [{"loss": 0.5}]})
    found = kept.load()
    assert found is not None
    assert (found["epoch"], found["weights"].tolist(), found["records"]) == (3, [0, 1, 2, 3], [{"loss": 0.5}])
    assert Checkpoint(kept.path, "of others").load() is None
    assert [path.name for path in kept.path.parent.iterdir()] == ["fold.pt"]
    kept.drop()
    kept.drop()
    assert kept.load() is None


def test_what_a_checkpoint_cannot_hold_leaves_the_one_before(tmp_path: Path) -> None:
    kept = Checkpoint(tmp_path / "fold.pt", "x")
    kept.save({"epoch": 1})
    with pytest.raises((AttributeError, pickle.PicklingError, TypeError)):
        kept.save({"epoch": 2, "code": lambda: None})
    assert kept.load() == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["fold.pt"]


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, ("touch evil",)

    torch.save({"of": "x", "state": Evil()}, tmp_path / "fold.pt")
    with pytest.raises(pickle.UnpicklingError):
        Checkpoint(tmp_path / "fold.pt", "x").load()
