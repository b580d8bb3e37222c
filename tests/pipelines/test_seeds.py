"""Seeds: as many at once as cores and memory allow, and never another bit for it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pytest
import torch

from assets.training.journal import EpochRecord
from assets.training.panel import Panel
from assets.wide import Grid
from models.network import Network
from pipelines import seeds
from pipelines.checkpoint import Checkpoint
from pipelines.experiment import Experiment
from pipelines.seeds import fits, plan

ROOT = Path(__file__).resolve().parents[2]
BESIDE = """
import sys
from pathlib import Path
from tests.pipelines.test_seeds import experiment, kept_in, made_panel
from pipelines.seeds import fits

def told(record):
    print("epoch", record.epoch, flush=True)

study = experiment(max_epochs=40, patience=40)
folder = Path(sys.argv[1])
list(fits(study, made_panel(), [0, 1], 2, lambda _: told, kept_in(folder).__getitem__, folder / "panel"))
"""
LSTM = {"kind": "lstm", "look_back": 8, "hidden": 8, "precision": "fp32"}
SHORT = {"max_epochs": 2, "burn_in": 6, "span": 10, "batch_size": 5}
WALK_FORWARD = {"first_test": "2014-07-01", "train": "4mo", "valid": "2mo", "test": "2mo"}


def experiment(model: dict[str, object] = LSTM, **training: object) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "study",
            "question": "Do seeds beside each other differ?",
            "features": ["g"],
            "model": model,
            "training": {**SHORT, **training},
            "walk_forward": WALK_FORWARD,
        }
    )


def kept_in(folder: Path, of: Sequence[int] = (0, 1)) -> dict[int, Checkpoint]:
    return {seed: Checkpoint(folder / f"{seed}.pt", "this") for seed in of}


def unheard(record: EpochRecord) -> None:
    """Told of an epoch, and does nothing."""


@pytest.fixture(scope="module")
def panel() -> Panel:
    return made_panel()


def made_panel() -> Panel:
    rng = np.random.default_rng(0)
    shape = names, sessions = 14, 60
    days = tuple(date(2015, 1, 1) + timedelta(day) for day in range(sessions))
    x = rng.normal(size=(*shape, 3)).astype(np.float32)
    target = x[:, :, 0] + rng.normal(size=shape).astype(np.float32)
    segment = np.broadcast_to(np.where(np.arange(sessions) < 45, 1, 2).astype(np.int8), shape).copy()
    ids = tuple(f"sz{number:06d}" for number in range(names))
    return Panel(Grid(days, ids), ("a", "b", "c"), ("a",), ("g",) * 3, x, target, target, np.ones(shape, bool), segment)


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seeds, "cores", lambda: 4)


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(
    ("model", "training", "at_once"),
    [
        (LSTM, {}, 3),
        (LSTM, {"threads": 2}, 2),
        (LSTM, {"threads": 8}, 1),
        (LSTM, {"threads": None}, 1),
        (LSTM, {"processes": 2, "batches_a_step": 2}, 1),
        ({"kind": "linear", "look_back": 3}, {}, 1),
    ],
    ids=["a core each", "two cores each", "more than there are", "all cores", "a team", "no network"],
)
def test_as_many_run_at_once_as_have_cores(
    model: dict[str, object], training: dict[str, object], at_once: int, panel: Panel
) -> None:
    assert plan(experiment(model, **training), panel, 3).at_once == at_once


@pytest.mark.usefixtures("four_cores")
def test_as_many_run_at_once_as_there_is_memory_for(panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = plan(experiment(), panel, 3).memory
    assert needed is not None
    one = needed.whole + seeds.OF_A_PROCESS
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    for times, at_once in ((3.2, 3), (2.5, 2), (0.1, 1)):
        monkeypatch.setattr(seeds, "available", lambda _, times=times: int(times * one / seeds.USED * 8 / 4))
        assert plan(experiment(), panel, 3).at_once == at_once
    assert str(plan(experiment(), panel, 3)).startswith("1 at once; a fit needs about 0.00 GiB: panel 0.00, weights")


def test_cores_are_all_or_those_that_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(seeds.CORES, raising=False)
    assert seeds.cores() == os.cpu_count()
    monkeypatch.setenv(seeds.CORES, "1")
    assert seeds.cores() == 1


@pytest.mark.slow
def test_seeds_at_once_end_with_the_bits_of_seeds_in_turn(panel: Panel, tmp_path: Path) -> None:
    told: dict[int, list[EpochRecord]] = {4: [], 2: []}
    found = []
    for at_once in (1, 2):
        keepers = {seed: Checkpoint(tmp_path / f"{at_once}_{seed}.pt", "this") for seed in told}
        asked = (experiment(), panel, [4, 2], at_once, lambda seed: told[seed].append, keepers.__getitem__)
        made = dict(fits(*asked, tmp_path / "panel"))
        found.append([made[4], made[2]])
        assert all(keeper.path.exists() for keeper in keepers.values())
        assert not (tmp_path / "panel").exists()
    for in_turn, beside in zip(*found, strict=True):
        assert isinstance(in_turn.forecaster, Network)
        assert isinstance(beside.forecaster, Network)
        ours, theirs = in_turn.forecaster.module.state_dict(), beside.forecaster.module.state_dict()
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert [record.epoch for record in told[4]] == [record.epoch for record in told[2]] == [1, 2, 1, 2]
    assert told[4][2].valid_loss == told[4][0].valid_loss != told[2][0].valid_loss


@pytest.mark.slow
def test_seeds_whose_process_is_killed_go_on_beside_those_that_it_left_behind(panel: Panel, tmp_path: Path) -> None:
    study = experiment(max_epochs=40, patience=40)
    asked = (study, panel, [0, 1])
    whole = dict(fits(*asked, 1, lambda _: unheard, kept_in(tmp_path / "whole").__getitem__, tmp_path / "panel"))
    command = [sys.executable, "-c", BESIDE, str(tmp_path / "killed")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        assert process.stdout is not None
        said = [process.stdout.readline() for _ in range(4)]
        process.kill()
    assert all(line.startswith("epoch") for line in said)
    epochs = list[int]()
    kept = kept_in(tmp_path / "killed").__getitem__
    again = dict(fits(*asked, 2, lambda _: lambda record: epochs.append(record.epoch), kept, tmp_path / "killed_panel"))
    assert 0 < len(epochs) < 80
    for seed, first in whole.items():
        second = again[seed]
        assert isinstance(first.forecaster, Network)
        assert isinstance(second.forecaster, Network)
        before, after = first.forecaster.module.state_dict(), second.forecaster.module.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before)
        assert [record.valid_loss for record in first.history] == [record.valid_loss for record in second.history]


@pytest.fixture(params=["as_ever", "ignored"])
def _ended_by_signals(request: pytest.FixtureRequest) -> Iterator[None]:
    """SIGTERM as it is, or ignored, as in what Dagster runs from the background; children inherit that."""
    before = signal.getsignal(signal.SIGTERM)
    if request.param == "ignored":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.mark.slow
@pytest.mark.usefixtures("_ended_by_signals")
def test_one_that_fails_stops_the_others_and_begins_no_more(panel: Panel, tmp_path: Path) -> None:
    long = experiment(max_epochs=100_000, patience=100_000)
    begun = list[int]()

    def begin(seed: int) -> Callable[[EpochRecord], None]:
        begun.append(seed)

        def told(record: EpochRecord) -> None:
            if seed == 1:
                raise RuntimeError("no room for its curve")

        return told

    asked = fits(long, panel, range(5), 2, begin, kept_in(tmp_path, range(5)).__getitem__, tmp_path / "panel")
    with pytest.raises(RuntimeError, match="no room for its curve"):
        list(asked)
    assert sorted(begun) == [0, 1]
    assert not (tmp_path / "panel").exists()


@pytest.mark.slow
def test_a_reader_that_leaves_stops_them_all(panel: Panel, tmp_path: Path) -> None:
    short, begun = experiment(max_epochs=1), list[int]()

    def begin(seed: int) -> Callable[[EpochRecord], None]:
        begun.append(seed)
        return unheard

    asked = fits(short, panel, range(6), 2, begin, kept_in(tmp_path, range(6)).__getitem__, tmp_path / "panel")
    with closing(asked) as found:
        next(found)
    assert len(begun) < 6
    assert not (tmp_path / "panel").exists()
