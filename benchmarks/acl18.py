"""ACL18: rises and falls of 87 US names, by the published protocol of Adv-ALSTM (Feng et al., IJCAI 2019).

Features are the eleven of the paper. The label of a day is +1 where the adjusted close gained at least .55%, -1 where
it lost at least .5%, and none between; it is told from the days before. Train begins in 2014, validation on 2015-08-03,
test on 2015-10-01. `lstm` is a plain LSTM; `ours` smooths labels, lets its weights decay and averages its seeds'
probabilities: the best on validation of nine tried. Every figure has a 95% range of 2,000 draws of whole days beside
it: names of one day rise together, so that 64 days say less than 3,720 labels seem to.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.probability import accuracy, matthews
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from assets.training.panel import TEST, TRAIN, VALID, Panel, targets
from assets.training.spec import TrainingSpec
from assets.wide import Grid, spread
from benchmarks.outcome import end, not_possible, options
from benchmarks.shared import HOW_TO_SET_UP, SHARED
from models.heads import CrossEntropyHead
from models.lstm import LstmSpec

FILE = SHARED / "data" / "acl18_stocknet" / "adv_alstm_features.parquet"
COLUMNS = ("c_open", "c_high", "c_low", "n_close", "n_adj_close", "d5", "d10", "d15", "d20", "d25", "d30")
MISSING = -123321.0
RISE, FALL = 0.0055, -0.005
FIRST_TRAIN, FIRST_VALID, FIRST_TEST = date(2014, 1, 2), date(2015, 8, 3), date(2015, 10, 1)
PUBLISHED = {"LSTM": (0.5318, 0.0674), "ALSTM": (0.5490, 0.1043), "Adv-ALSTM": (0.5720, 0.1483)}
DRAWS = 2000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Contender:
    """One configuration, named before it was scored on the test."""

    model: LstmSpec
    loss: CrossEntropyHead
    training: TrainingSpec
    is_averaged: bool


LSTM = Contender(
    LstmSpec(look_back=15, hidden=16),
    CrossEntropyHead(),
    TrainingSpec(seeds=10, max_epochs=20, patience=6, batch_size=87),
    False,
)
OURS = Contender(
    LstmSpec(look_back=15, hidden=16),
    CrossEntropyHead(smoothing=0.2),
    TrainingSpec(seeds=10, max_epochs=20, patience=6, batch_size=87, weight_decay=1.0),
    is_averaged=True,
)


def main() -> int:
    """Print both contenders beside what was published."""
    asked = options(str(__doc__), seeds="0..9")
    if not FILE.is_file():
        return not_possible(f"{FILE} is absent; {HOW_TO_SET_UP}")
    began, panel = time.monotonic(), panel_of(pl.read_parquet(FILE))
    for name, (hit, correlation) in PUBLISHED.items():
        print(f"{name:12} accuracy {hit:.4f}  mcc {correlation:+.4f}  (published)")
    figures: dict[str, object] = {}
    for name, contender in {"lstm": LSTM, "ours": OURS}.items():
        stated = probabilities(panel, contender, asked.seeds)
        for segment in ("valid", "test"):
            told = scored(panel, stated.filter(segment=segment), contender)
            print(f"{name:12} {told}  ({segment})")
            if segment == "test":
                prefix = "" if name == "ours" else f"{name}_"
                figures |= {f"{prefix}{key}": value for key, value in vars(told).items()}
    return end({**figures, "minutes": round((time.monotonic() - began) / 60, 1)}, [])


@dataclass(frozen=True)
class Scores:
    """Accuracy and Matthews correlation, each with the ends of its range."""

    accuracy: float
    accuracy_lower: float
    accuracy_upper: float
    mcc: float
    mcc_lower: float
    mcc_upper: float

    def __str__(self) -> str:
        hit = f"accuracy {self.accuracy:.4f} [{self.accuracy_lower:.4f}, {self.accuracy_upper:.4f}]"
        return f"{hit}  mcc {self.mcc:+.4f} [{self.mcc_lower:+.4f}, {self.mcc_upper:+.4f}]"


def panel_of(rows: pl.DataFrame) -> Panel:
    """The published rows as a panel; what is told at a session is the label of the next."""
    days = tuple(rows["date"].str.to_date().unique().sort())
    names = tuple(rows["ticker"].unique().sort())
    keyed = rows.with_columns(session=pl.col("date").str.to_date(), security_id=pl.col("ticker"))
    grid = Grid(days, names)
    wide = spread(keyed, grid, (*COLUMNS, "adj_close"))
    x_STF = np.stack([wide[name] for name in COLUMNS], axis=-1)
    x_STF[x_STF == MISSING] = np.nan
    close_ST = np.where(wide["adj_close"] == MISSING, np.nan, wide["adj_close"])
    label_ST = np.full(grid.shape, np.nan)
    label_ST[:, :-1] = close_ST[:, 1:] / close_ST[:, :-1] - 1
    with np.errstate(invalid="ignore"):
        label_ST[(label_ST > FALL) & (label_ST < RISE)] = np.nan
    label_ST[np.isnan(x_STF).any(-1)] = np.nan
    segment_T = np.zeros(len(days), dtype=np.int8)
    for place, told in enumerate(days[1:]):
        if told >= FIRST_TRAIN:
            segment_T[place] = TEST if told >= FIRST_TEST else VALID if told >= FIRST_VALID else TRAIN
    member_ST = np.isfinite(label_ST)
    segment_ST = np.broadcast_to(segment_T, grid.shape).copy()
    label_ST = label_ST.astype(np.float32)
    return Panel(
        grid=grid,
        columns=COLUMNS,
        sequence_columns=COLUMNS,
        groups=("prices",) * len(COLUMNS),
        x_STF=x_STF.astype(np.float32),
        label_ST=label_ST,
        target_ST=targets(label_ST, member_ST, segment_ST),
        member_ST=member_ST,
        segment_ST=segment_ST,
    )


def probabilities(panel: Panel, contender: Contender, seeds: Sequence[int]) -> pl.DataFrame:
    """What each seed states of every label of validation and test."""
    parts = []
    for seed in seeds:
        fitted = fit(panel, contender.model, contender.loss, contender.training, seed, lambda _: None)
        parts.append(forecasts(panel, fitted.forecaster, seed, "acl18"))
    return pl.concat(parts)


def scored(panel: Panel, stated: pl.DataFrame, contender: Contender) -> Scores:
    """Scores of the averaged probability, or the mean of the scores of the seeds; with ranges over drawn days."""
    if contender.is_averaged:
        keys = ["session", "security_id"]
        stated = stated.group_by(keys, maintain_order=True).agg(pl.col("probability").mean()).with_columns(seed=0)
    rows, days = panel.grid.places(stated)
    cases = pl.DataFrame(
        {"seed": stated["seed"], "day": days, "p": stated["probability"], "rises": panel.label_ST[rows, days] > 0}
    )
    seeds = [part.sort("day") for part in cases.partition_by("seed", maintain_order=True)]
    drawn = np.array([_mean_scores(seeds, places) for places in _draws(seeds[0]["day"].to_numpy())])
    hit, correlation = _mean_scores(seeds, np.arange(seeds[0].height))
    (hit_low, mcc_low), (hit_high, mcc_high) = np.quantile(drawn, [0.025, 0.975], axis=0)
    told = (hit, hit_low, hit_high, correlation, mcc_low, mcc_high)
    return Scores(*(round(float(value), 4) for value in told))


def _mean_scores(seeds: Sequence[pl.DataFrame], places: NDArray[np.intp]) -> tuple[float, float]:
    found = []
    for part in seeds:
        stated_N, rises_N = part["p"].to_numpy()[places], part["rises"].to_numpy()[places]
        found.append((accuracy(stated_N, rises_N), matthews(stated_N, rises_N)))
    hits, correlations = zip(*found, strict=True)
    return float(np.mean(hits)), float(np.mean(correlations))


def _draws(days_N: NDArray[np.intp]) -> list[NDArray[np.intp]]:
    """Places of the cases of days that are drawn with replacement."""
    rng = np.random.default_rng(0)
    by_day = np.split(np.arange(len(days_N)), np.flatnonzero(np.diff(days_N)) + 1)
    return [np.concatenate([by_day[day] for day in rng.integers(len(by_day), size=len(by_day))]) for _ in range(DRAWS)]


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
