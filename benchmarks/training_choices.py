"""Training choices: what each loss, augmentation, brake and more seeds add, and whether importance weights can be read.

On each market a plain LSTM is fitted with one thing changed at a time, on the last 500 sessions of train and on all of
them. A choice is compared with the plain one by the daily RankIC on test of the mean of three seeds, on the same names
and days: the difference is averaged over the markets, whose calendars are the same, and its 95% interval stands beside
it. More seeds are compared with one: the mean over seeds of what each earns alone. Importance weights stand in
`two_level_lstm`, and are compared with the same network without them. No choice is promoted here: of so many, one in
twenty lies outside its interval by chance.

Then markets are drawn in which half of the features foretell nothing (`importance`). Asked for: on every seed each
informative feature weighs more than every other one, and the weights agree with permutation importance on validation.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from assets.evaluation.information import daily, information
from assets.evaluation.intervals import Interval, paired
from assets.training.forecasts import forecasts
from assets.training.panel import TRAIN, Panel
from benchmarks.importance import Weighed, weighed
from benchmarks.kept import Kept
from benchmarks.outcome import Demand, end, seeds_of
from benchmarks.world import first_fold
from pipelines.experiment import Experiment
from pipelines.experiment_files import read_experiment
from pipelines.fold_path import fit_panel
from pipelines.home import be_quiet
from pipelines.seeds import cores
from pipelines.workers import workers

MARKET = Path(__file__).parent / "markets" / "choices.yaml"
EXPERIMENTS = Path(__file__).parent / "experiments" / "choices"
SHORT = 500
SEEDS, MANY, WEIGHED = 3, 5, 5
PLAIN, LEVELS, ONE, FIVE = "plain", "two levels", "one seed", "five seeds"
ALL = "all"
LENGTHS = (str(SHORT), ALL)
DAY = ("session", "rank_ic")
DEMANDS = (
    Demand("importance_halves_apart", 1, at_least=True),
    Demand("importance_agreement_min", 0.7, at_least=True),
)


@dataclass(frozen=True)
class Choice:
    """One thing that is changed, and what it is compared with."""

    name: str
    model: Mapping[str, Any] | None = None
    loss: Mapping[str, Any] | None = None
    training: Mapping[str, Any] | None = None
    against: str = PLAIN


LEVELS_MODEL = {"kind": "two_level_lstm", "look_back": 30, "expert": 16, "coordinator": 16, "summaries": 8}
CHOICES = (
    Choice(PLAIN),
    *(
        Choice(f"loss: {kind}", loss={"kind": kind})
        for kind in ("huber", "correlation", "pairwise", "gaussian", "student_t", "quantile", "cross_entropy")
    ),
    Choice("loss: smoothed cross_entropy", loss={"kind": "cross_entropy", "smoothing": 0.1}),
    Choice("loss: logit_normal", loss={"kind": "logit_normal"}),
    Choice("augmentation: time_scaling", training={"augmentation": ({"kind": "time_scaling"},)}),
    Choice("augmentation: jitter", training={"augmentation": ({"kind": "jitter"},)}),
    Choice("augmentation: event_shift", training={"augmentation": ({"kind": "event_shift", "groups": ("news",)},)}),
    Choice("schedule: cosine", training={"schedule": "cosine"}),
    Choice("weight_decay: 1", training={"weight_decay": 1.0}),
    Choice("dropout: 0", model={"dropout": 0.0}),
    Choice("dropout: 0.5", model={"dropout": 0.5}),
    Choice("stop_by: loss", training={"stop_by": "loss"}),
    Choice(LEVELS),
    Choice("importance weights", against=LEVELS),
)


PAIRS = (
    *((choice.name, choice.against) for choice in CHOICES if choice.name != PLAIN),
    (PLAIN, ONE),
    (FIVE, ONE),
)
"""What is compared with what; the plain one is the mean of three seeds."""


def main() -> int:
    """Fit every choice in every market, and print what each adds."""
    asked = _asked()
    kept = Kept(asked.keep)
    os.environ["OMP_NUM_THREADS"] = os.environ["POLARS_MAX_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    began = time.monotonic()
    tasks = [(kept, asked.market, seed, number) for seed in asked.seeds for number in range(len(CHOICES))]
    with workers(cores()) as pool:
        weighing = [pool.submit(weighed, seed) for seed in range(WEIGHED)]
        walking = [pool.submit(walked, *task) for task in tasks]
        weights = [one.result() for one in weighing]
        tell_weights(weights)
        found = []
        for done, one in enumerate(as_completed(walking), start=1):
            found.append(one.result())
            print(f"{done} of {len(walking)} after {(time.monotonic() - began) / 60:.1f} min", flush=True)
    days = pl.concat(found)
    horizon = read_experiment(EXPERIMENTS / "lstm_plain.yaml").target.horizon
    effects = {(*pair, length): effect(days, horizon, *pair, length) for pair in PAIRS for length in LENGTHS}
    tell(effects)
    figures = {
        "importance_halves_apart": sum(one.halves_apart for one in weights) / len(weights),
        "importance_agreement_min": round(min(one.agreement for one in weights), 3),
        "effects": {" | ".join(key): told(one) for key, one in effects.items()},
    }
    return end({**figures, "seeds": asked.seeds, "minutes": round((time.monotonic() - began) / 60, 1)}, DEMANDS)


def walked(kept: Kept, market: str, seed: int, number: int) -> pl.DataFrame:
    """Daily RankIC on test of one choice on one market, or what is kept of it.

    Columns session, rank_ic, market, choice, length (how much of train it saw).
    """
    settings = "\n".join(path.read_text(encoding="utf-8") for path in (Path(market), *sorted(EXPERIMENTS.iterdir())))
    return kept.answer(f"{seed}-{number}", settings, partial(_walked, market, seed, number))


def _walked(market: str, seed: int, number: int) -> pl.DataFrame:
    be_quiet()
    experiment, panel, returns = _market(market, seed)
    choice = CHOICES[number]
    changed = changed_by(experiment, choice)
    found = []
    for length in LENGTHS:
        part = panel if length == ALL else shortened(panel, int(length))
        for name, days in scored(changed, part, returns, choice.name).items():
            found.append(days.select(*DAY, market=seed, choice=pl.lit(name), length=pl.lit(length)))
    return pl.concat(found)


@cache
def _market(market: str, seed: int) -> tuple[Experiment, Panel, pl.DataFrame]:
    return first_fold(market, seed, EXPERIMENTS)


def changed_by(experiment: Experiment, choice: Choice) -> Experiment:
    """The experiment with one thing changed."""
    settings = experiment.model_dump()
    settings["model"] |= choice.model or {}
    settings["training"] |= choice.training or {}
    settings["loss"] = choice.loss or settings["loss"]
    if LEVELS in (choice.name, choice.against):
        settings["model"] = {**LEVELS_MODEL, "importance_weights": choice.name != LEVELS}
    return Experiment.model_validate(settings)


def shortened(panel: Panel, sessions: int) -> Panel:
    """The panel with the last sessions of its train window alone."""
    train_T = np.flatnonzero((panel.segment_ST == TRAIN).any(axis=0))
    segment_ST = panel.segment_ST.copy()
    segment_ST[:, : max(train_T[-1] + 1 - sessions, 0)] = 0
    return replace(panel, segment_ST=segment_ST)


def scored(experiment: Experiment, panel: Panel, returns: pl.DataFrame, choice: str) -> dict[str, pl.DataFrame]:
    """Daily RankIC on test by name: of the mean of three seeds; of the plain one also of each alone, and of five."""
    made = []
    for seed in range(MANY if choice == PLAIN else SEEDS):
        fitted = fit_panel(experiment, panel, seed, lambda _: None)
        made.append(forecasts(panel, fitted.forecaster, seed, "fold", experiment.decided_hour))

    def days(some: Sequence[pl.DataFrame]) -> pl.DataFrame:
        found = information(pl.concat(some), returns, experiment.target.horizon)
        return daily(found, "test").select(*DAY)

    by_name = {choice: days(made[:SEEDS])}
    if choice == PLAIN:
        alone = pl.concat([days([one]) for one in made[:SEEDS]]).group_by("session").agg(pl.col("rank_ic").mean())
        by_name |= {ONE: alone.sort("session"), FIVE: days(made)}
    return by_name


def effect(days: pl.DataFrame, horizon: int, choice: str, against: str, length: str) -> Interval:
    """Mean difference of the daily RankIC of two, averaged over the markets session by session."""
    mine, other = (_over_markets(days, name, length) for name in (choice, against))
    return paired(mine, other, "rank_ic", horizon)


def _over_markets(days: pl.DataFrame, choice: str, length: str) -> pl.DataFrame:
    is_asked = (pl.col("choice") == choice) & (pl.col("length") == length)
    return days.filter(is_asked).group_by("session").agg(pl.col("rank_ic").mean()).sort("session")


def tell(effects: Mapping[tuple[str, str, str], Interval]) -> None:
    """Print what each choice adds."""
    print(f"\n{'':28} {'compared with':12} train  RankIC on test, difference and its 95% interval")
    for (choice, against, length), one in effects.items():
        print(f"{choice:28} {against:12} {length:>5}  {one.mean:+.4f} [{one.lower:+.4f}, {one.upper:+.4f}]")


def tell_weights(weights: Sequence[Weighed]) -> None:
    """Print how the features of each market were weighed."""
    for seed, features in enumerate(weights):
        order = np.argsort(-features.strength_F)
        rows = {"planted": features.strength_F, "weight": features.weight_F, "permuted": features.permuted_F}
        print(f"features of seed {seed}; agreement {features.agreement:.2f}", flush=True)
        for name, values_F in rows.items():
            print(f"  {name:9}" + " ".join(f"{value:6.3f}" for value in values_F[order]))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--market", default=str(MARKET), help="specification of the synthetic market, YAML")
    parser.add_argument("--seeds", default="0..2", type=seeds_of, help="as 0..2")
    parser.add_argument("--keep", type=Path, help="a folder that keeps finished fits; the same command goes on from it")
    return parser.parse_args()


def told(one: Interval) -> list[float]:
    """Mean and range, rounded."""
    return [round(value, 4) for value in (one.mean, one.lower, one.upper)]


if __name__ == "__main__":
    sys.exit(main())
