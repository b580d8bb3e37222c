"""Confidence: do stated noise and stated doubt mean what they say, in worlds where both are known?

`noise_gain` is what the noise that a network states adds to the daily mean log likelihood of the returns, above the
volatility of the last 20 sessions, which is put on its best scale on validation. `std_calibration_worst` is the
largest factor, up or down, between stated doubt and error in ten deciles of the doubt, all worlds together. `aurc_gain`
is what doubt takes off the area of risk by coverage within a session, against doubt drawn at random; the same is told
against the distance of the probability from one half, which nobody had to learn.

With `--data files:FOLDER` the same is told of real bars, where no true probability is known (`confidence_on_bars`), and
the pictures are drawn; nothing is asked of them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.confidence import (
    by_decile,
    by_session,
    fitted_factor,
    log_likelihood,
    passed_gain,
    selective_gain,
)
from assets.evaluation.intervals import interval
from assets.training.fit import fit
from assets.training.forecasts import forecasts
from assets.training.spec import TrainingSpec
from benchmarks.confidence_on_bars import confidence_on_bars
from benchmarks.doubt_world import DoubtWorld, doubt_world
from benchmarks.outcome import Demand, end, seeds_of
from models.heads import GaussianHead, LogitNormalHead
from models.losses import LossSpec
from models.lstm import LstmSpec
from pipelines.home import be_quiet
from pipelines.workers import workers

Floats = NDArray[np.float64]
MODEL = LstmSpec(look_back=40, hidden=32)
TRAINING = TrainingSpec(seeds=1, max_epochs=30, patience=8, batch_size=100, stop_by="loss")
TRAILING = 20
DEMANDS = (
    Demand("noise_gain_lower", 0.0, at_least=True),
    Demand("std_calibration_worst", 1.5, at_least=False),
    Demand("aurc_gain_lower", 0.0, at_least=True),
)


@dataclass(frozen=True)
class Found:
    """Of one world: daily gains, and the deciles of doubt."""

    noise_gain_T: Floats
    aurc_gain_T: Floats
    beside_distance_T: Floats
    deciles: pl.DataFrame


def main() -> int:
    """Print the deciles of every world, the gains and their intervals."""
    asked = _asked()
    began = time.monotonic()
    with workers() as pool:
        worlds = list(pool.map(found_in, asked.seeds))
    deciles = pooled([world.deciles for world in worlds])
    print(f"{'decile':>6} {'stated doubt':>13} {'error':>8} {'ratio':>7}")
    for row in deciles.iter_rows(named=True):
        print(f"{row['decile']:6} {row['stated']:13.4f} {row['error']:8.4f} {row['ratio']:7.3f}")
    figures: dict[str, object] = {}
    for name in ("noise_gain", "aurc_gain", "beside_distance"):
        told = interval(np.mean([getattr(world, f"{name}_T") for world in worlds], axis=0), horizon=1)
        print(f"{name:16} {told.mean:+.5f} [{told.lower:+.5f}, {told.upper:+.5f}]")
        figures |= {name: round(told.mean, 5), f"{name}_lower": round(told.lower, 5)}
    told_more = float(str(figures["beside_distance_lower"])) > 0
    print(f"beside |p - 1/2| the stated doubt {'adds something' if told_more else 'is not shown to add anything'}")
    figures["std_calibration_worst"] = round(factor_apart(deciles), 3)
    figures["std_calibration_worst_world"] = round(max(factor_apart(world.deciles) for world in worlds), 3)
    figures["doubt_rises"] = bool((deciles["error"].diff().drop_nulls() > 0).all())
    if asked.data:
        figures["on_bars"] = confidence_on_bars(asked.data)
    return end({**figures, "minutes": round((time.monotonic() - began) / 60, 1)}, DEMANDS)


def pooled(deciles: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """The deciles of several worlds as one: root mean squares of what was stated and of the errors."""
    squares = pl.col("stated", "error").pow(2).mean().sqrt()
    found = pl.concat(deciles).group_by("decile").agg(squares).sort("decile")
    return found.with_columns(ratio=pl.col("error") / pl.col("stated"))


def factor_apart(deciles: pl.DataFrame) -> float:
    """The largest factor, up or down, between what was stated and the error."""
    ratios = deciles["ratio"].to_numpy()
    return float(np.max(np.maximum(ratios, 1 / ratios)))


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default="0..4", type=seeds_of, help="of the worlds, as 0..4")
    parser.add_argument("--data", default="", help="files:FOLDER of real bars")
    return parser.parse_args()


def found_in(seed: int) -> Found:
    """Fit both networks on one world and hold what they state beside what is true."""
    be_quiet()
    world = doubt_world(seed)
    noise, doubt = (_stated(world, loss) for loss in (GaussianHead(), LogitNormalHead()))
    tested = doubt.filter(segment="test")
    rows, days = world.panel.grid.places(tested)
    stated_N, std_N = tested["probability"].to_numpy(), tested["probability_std"].to_numpy()
    brier_N = (stated_N - (world.panel.label_ST[rows, days] > 0)) ** 2
    return Found(
        _noise_gain(world, noise),
        selective_gain(brier_N, std_N, days),
        passed_gain(brier_N, std_N, -np.abs(stated_N - 0.5), days),
        by_decile(std_N, stated_N - world.probability_ST[rows, days]),
    )


def _stated(world: DoubtWorld, loss: LossSpec) -> pl.DataFrame:
    fitted = fit(world.panel, MODEL, loss, TRAINING, 0, lambda _: None)
    return forecasts(world.panel, fitted.forecaster, 0, "world")


def _noise_gain(world: DoubtWorld, noise: pl.DataFrame) -> Floats:
    """By test session: mean log likelihood under the stated noise less that under the trailing volatility."""
    returns_ST = world.panel.x_STF[:, :, world.panel.columns.index("log_return")].astype(np.float64)
    squares_ST = np.cumsum(returns_ST**2, axis=1)
    trailing_ST = np.full(returns_ST.shape, np.nan)
    trailing_ST[:, TRAILING:] = np.sqrt((squares_ST[:, TRAILING:] - squares_ST[:, :-TRAILING]) / TRAILING)
    label_N, forecast_N, trailing_N, *_ = _cases(world, noise.filter(segment="valid"), trailing_ST)
    factor = fitted_factor(label_N, forecast_N, trailing_N)
    label_N, forecast_N, trailing_N, scale_N, days = _cases(world, noise.filter(segment="test"), trailing_ST)
    own_N = log_likelihood(label_N, forecast_N, scale_N)
    return by_session(own_N - log_likelihood(label_N, forecast_N, factor * trailing_N), days)


def _cases(
    world: DoubtWorld, part: pl.DataFrame, trailing_ST: Floats
) -> tuple[Floats, Floats, Floats, Floats, NDArray[np.intp]]:
    """Labels, forecasts, trailing volatility, stated noise and session of each row."""
    rows, days = world.panel.grid.places(part)
    label_N = world.panel.label_ST[rows, days].astype(np.float64)
    return label_N, part["forecast"].to_numpy(), trailing_ST[rows, days], part["noise_scale"].to_numpy(), days


if __name__ == "__main__":
    os.environ.setdefault("PYTHONWARNINGS", "ignore")
    sys.exit(main())
