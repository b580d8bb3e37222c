"""LSTM: how soon the training loop learns what Qlib's own loop learns, with a network of the same size on one core.

One synthetic market with two planted components, one fold, one panel: the same scaled features, members and targets
for both. The network has 2 layers of 64 states and sees 60 sessions. Qlib's loop shows it a window of 60 sessions for
each label, in batches of 800, with the learning rate, patience and epochs of Qlib's own workflow for its LSTM
(patience 10, as on Alpha158: what comes after the best epoch costs time and counts nowhere); ours reads sequences of
240 sessions, of which the last 180 have a loss, with settings chosen on validation of the market of seed 100. Those
of Qlib's were not chosen for this market: the time to quality compares both loops as they come. Both run in float32
on one thread and are counted in processor seconds: Qlib's without its look at train after each epoch and without
laying out its windows, ours from the panel to the end of the fit, looks at validation included. After every epoch
both are scored alike, on the plain windows of validation, and that is not counted.

Asked for: 30 times the labelled samples a second; the best RankIC on validation that Qlib's loop reaches in 1/15 of its
time, by the medians over the seeds (where ours never reaches it, in no time that counts); and a RankIC on test, seeds
averaged, on the same names and days, that is not worse: the lower bound of the difference above -.003.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from statistics import median

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.information import information, on_common_names
from assets.evaluation.leaderboard import compare
from assets.training.fit import NO_PROJECTION, fit
from assets.training.forecasts import forecasts
from assets.training.journal import EpochRecord
from assets.training.loop import State
from assets.training.panel import TEST, TRAIN, VALID, Panel, asked
from benchmarks.outcome import Demand, end, not_possible, seeds_of
from benchmarks.world import first_fold
from models.network import Network
from models.ranking import RankIc
from models.scaling import fit_scaler
from pipelines.experiment import Experiment
from pipelines.home import be_quiet
from pipelines.seeds import cores
from pipelines.workers import workers

ROOT = Path(__file__).resolve().parents[1]
PEER_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
MARKET = Path(__file__).parent / "markets" / "lstm.yaml"
EXPERIMENTS = Path(__file__).parent / "experiments" / "lstm"
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS", "NUMBA_NUM_THREADS"), "1")
SEGMENTS = {"train": TRAIN, "valid": VALID, "test": TEST}
STATED = ("session", "security_id", "seed", "segment", "fold", "forecast")
DEMANDS = (
    Demand("ratio_labels", 30, at_least=True),
    Demand("ratio_time_to_quality", 15, at_least=True),
    Demand("difference_lower", -0.003, at_least=True),
)


@dataclass(frozen=True)
class Learnt:
    """One fit: labels a second, RankIC on validation and seconds since the start after each epoch, forecasts of test.

    test  session, security_id, seed, segment, fold, forecast
    """

    engine: str
    seed: int
    labels_a_second: float
    valid: tuple[float, ...]
    seconds: tuple[float, ...]
    test: pl.DataFrame

    @property
    def best(self) -> int:
        """The place of the epoch with the highest RankIC on validation."""
        return int(np.argmax(self.valid))

    def seconds_to(self, quality: float) -> float:
        """Seconds until validation was that good; infinite where it never was."""
        return next((at for at, reached in zip(self.seconds, self.valid, strict=True) if reached >= quality), np.inf)


def main() -> int:
    """Fit every seed by both loops, as many at a time as there are cores, and print what each learnt and when."""
    told = _asked()
    if not PEER_PYTHON.exists():
        return not_possible("the peers have no environment here: make peers first")
    os.environ.update(ONE_THREAD)
    began = time.monotonic()
    be_quiet()
    experiment, panel, returns = first_fold(told.market, told.market_seed, EXPERIMENTS)
    with tempfile.TemporaryDirectory() as folder:
        lay_out(panel, Path(folder))
        with workers(cores()) as pool:
            tasks = []
            for seed in told.seeds:
                tasks += [pool.submit(by_qlib, panel, Path(folder), seed, told.epochs)]
                tasks += [pool.submit(by_us, panel, experiment, seed)]
            learnt = [_told(done.result()) for done in as_completed(tasks)]
    qlib, ours = ([one for one in learnt if one.engine == engine] for engine in ("qlib", "ours"))
    figures = beside(sorted(qlib, key=_seed), sorted(ours, key=_seed), returns, experiment.target.horizon)
    return end({**figures, "seeds": told.seeds, "minutes": round((time.monotonic() - began) / 60, 1)}, DEMANDS)


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", choices=["qlib"], default="qlib", help="the loop to be compared with")
    parser.add_argument("--market", default=str(MARKET), help="specification of the synthetic market, YAML")
    parser.add_argument("--market-seed", type=int, default=0, help="100 was used to choose settings")
    parser.add_argument("--seeds", default="0..4", type=seeds_of, help="of the networks, as 0..4")
    parser.add_argument("--epochs", default=200, type=int, help="of Qlib's loop, at most")
    return parser.parse_args()


def lay_out(panel: Panel, folder: Path) -> None:
    """What the peer reads: scaled features, and the labelled cells of each segment in time order."""
    train_ST = panel.labelled(TRAIN)
    np.save(folder / "z.npy", fit_scaler(panel.x_STF[train_ST])(panel.x_STF))
    for name, segment in SEGMENTS.items():
        rows_B, sessions_B = cells_of(panel, segment)
        for part, values in (("rows", rows_B), ("sessions", sessions_B)):
            np.save(folder / f"{name}_{part}.npy", values)
        np.save(folder / f"{name}_target.npy", panel.target_ST[rows_B, sessions_B])


def cells_of(panel: Panel, segment: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and sessions of the labelled cells of a segment, in time order."""
    sessions_B, rows_B = np.nonzero(panel.labelled(segment).T)
    return rows_B, sessions_B


def by_qlib(panel: Panel, data: Path, seed: int, epochs: int) -> Learnt:
    """A fit by Qlib's loop; raises RuntimeError with its last words where it failed."""
    with tempfile.TemporaryDirectory() as folder:
        script = ROOT / "benchmarks" / "peers" / "qlib_lstm.py"
        command = [str(part) for part in (PEER_PYTHON, script, data, folder, seed, epochs)]
        found = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **ONE_THREAD})
        if found.returncode:
            raise RuntimeError(f"Qlib's loop failed: {found.stderr.strip()[-2000:]}")
        told = json.loads(found.stdout.strip().splitlines()[-1])
        valid_EB, test_B = (np.load(Path(folder) / name) for name in ("valid.npy", "test.npy"))
    rows_B, sessions_B = cells_of(panel, VALID)
    score = RankIc(panel.target_ST[rows_B, sessions_B], sessions_B)
    seconds = accumulate(step + look for step, look in zip(told["steps"], told["looks"], strict=True))
    speed = told["labels"] * len(told["steps"]) / sum(told["steps"])
    return Learnt("qlib", seed, speed, tuple(map(score, valid_EB)), tuple(seconds), _test(panel, seed, test_B))


def by_us(panel: Panel, experiment: Experiment, seed: int) -> Learnt:
    """A fit by our loop."""
    be_quiet()
    watch = Watch()
    fitted = fit(
        panel, experiment.model, experiment.loss, experiment.training, seed, watch.note, NO_PROJECTION, watch
    ).forecaster
    if not isinstance(fitted, Network):
        raise TypeError(f"the experiment fits a {type(fitted).__name__}; this benchmark times a network")
    valid = tuple(_score(panel, fitted, weights) for weights in watch.weights)
    made = forecasts(panel, fitted, seed, "fold", experiment.decided_hour)
    speed = float(panel.labelled(TRAIN).sum() * len(watch.seconds) / watch.seconds[-1])
    return Learnt("ours", seed, speed, valid, tuple(watch.seconds), made.filter(segment="test").select(STATED))


class Watch:
    """The keeper of a fit: it notes after each epoch the processor seconds so far and the weights that forecast."""

    def __init__(self) -> None:
        self.seconds, self.weights = list[float](), list[State]()
        self._began = time.process_time()

    def note(self, _: EpochRecord) -> None:
        """An epoch and its look at validation are done."""
        self.seconds.append(time.process_time() - self._began)

    def load(self) -> None:
        """Nothing was kept before."""

    def save(self, state: State) -> None:
        """Keep a copy of the weights; keeping it is not counted."""
        began = time.process_time()
        self.weights.append({name: value.clone() for name, value in state["loop"]["mean"].items()})
        self._began += time.process_time() - began


def _score(panel: Panel, fitted: Network, weights: State) -> float:
    """RankIC on the plain windows of validation."""
    module = copy.deepcopy(fitted.module)
    module.load_state_dict(weights)
    rows_B, sessions_B = cells_of(panel, VALID)
    stated = replace(fitted, module=module).predict(asked(panel, rows_B, sessions_B, fitted.spec.look_back))
    return RankIc(panel.target_ST[rows_B, sessions_B], sessions_B)(stated.forecast)


def _test(panel: Panel, seed: int, forecast_B: NDArray[np.float32]) -> pl.DataFrame:
    rows_B, sessions_B = cells_of(panel, TEST)
    return pl.DataFrame(
        {
            "session": pl.Series(panel.grid.sessions, dtype=pl.Date).gather(sessions_B),
            "security_id": pl.Series(panel.grid.securities, dtype=pl.String).gather(rows_B),
            "seed": pl.repeat(seed, len(rows_B), dtype=pl.Int32, eager=True),
            "segment": pl.repeat("test", len(rows_B), eager=True),
            "fold": pl.repeat("fold", len(rows_B), eager=True),
            "forecast": forecast_B.astype(np.float64),
        }
    )


def beside(qlib: Sequence[Learnt], ours: Sequence[Learnt], returns: pl.DataFrame, horizon: int) -> dict[str, object]:
    """The figures of both loops and their ratios, seed by seed in the same order."""
    theirs_to = [one.seconds[one.best] for one in qlib]
    ours_to = [we.seconds_to(they.valid[they.best]) for we, they in zip(ours, qlib, strict=True)]
    mine, other = on_common_names(pl.concat([one.test for one in ours]), pl.concat([one.test for one in qlib]))
    found = compare(information(mine, returns, horizon), information(other, returns, horizon), horizon)
    print(f"\ntest, seeds averaged: ours less Qlib's: {found.sentence()}")
    return {
        "ratio_labels": round(median(w.labels_a_second for w in ours) / median(t.labels_a_second for t in qlib), 1),
        "ratio_time_to_quality": round(median(theirs_to) / median(ours_to), 1),
        "difference_lower": round(found.difference.lower, 4),
        "difference": round(found.difference.mean, 4),
        "labels_a_second": {"ours": _middle(ours), "qlib": _middle(qlib)},
        "seconds_to_quality": {"ours": _rounded(ours_to), "qlib": _rounded(theirs_to)},
        "best_valid": {"ours": _best(ours), "qlib": _best(qlib)},
    }


def _middle(learnt: Sequence[Learnt]) -> int:
    return round(median(one.labels_a_second for one in learnt))


def _best(learnt: Sequence[Learnt]) -> list[float]:
    return [round(max(one.valid), 4) for one in learnt]


def _rounded(seconds: Sequence[float]) -> list[float]:
    return [round(one, 1) for one in seconds]


def _seed(learnt: Learnt) -> int:
    return learnt.seed


def _told(learnt: Learnt) -> Learnt:
    name = f"{learnt.engine:5} seed {learnt.seed}"
    print(f"{name}: {learnt.labels_a_second:8.0f} labels a second of one core, {len(learnt.valid)} epochs")
    for at, reached in zip(learnt.seconds, learnt.valid, strict=True):
        print(f"  {at:8.1f} s  valid RankIC {reached:+.4f}", flush=True)
    return learnt


if __name__ == "__main__":
    sys.exit(main())
