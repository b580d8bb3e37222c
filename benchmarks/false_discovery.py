"""False discovery: is luck taken for skill, and is skill found?

In 200 worlds 20 strategies have no skill over five years of sessions (`strategies`). Asked for: the probabilistic
Sharpe ratio of one strategy named beforehand is above .95 in 3 to 18 of them, which the 5% that it promises make
likely; the deflated one of the best strategy, and the test of superior ability, call skill in at most 18; the
probability of overfitting is about one half on average. In 100 worlds the first strategy has an annual Sharpe ratio of
2: it is to be found in 60 of 100, being the best with a deflated ratio above .95, and by a p of its own below .05 among
all.

The deflated ratio counts the effective number of trials, N (1 - rho) + rho; beside it stands the one that counts all.
Told and not asked for: the same promise of 5% where neighbouring sessions follow each other as on real bars, with and
without the correction for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.deflation import (
    deflated_sharpe,
    effective_trials,
    mean_correlation,
    sharpes,
    trial_variance,
)
from assets.evaluation.overfitting import overfitting
from assets.evaluation.sharpe import Track, probabilistic_sharpe
from assets.evaluation.superior import superior
from benchmarks.outcome import Demand, end, options
from benchmarks.strategies import strategies

Floats = NDArray[np.float64]

NULLS, SKILFUL = 200, 100
SKILL = 2.0
SURE, RARE = 0.95, 0.05
FOLLOWS = 0.15
DRAWS = 1000
DEMANDS = (
    Demand("psr_false", 3, at_least=True),
    Demand("psr_false", 18, at_least=False),
    Demand("dsr_false", 18, at_least=False),
    Demand("spa_false", 18, at_least=False),
    Demand("pbo_mean", 0.45, at_least=True),
    Demand("pbo_mean", 0.58, at_least=False),
    Demand("dsr_power", 0.6, at_least=True),
    Demand("spa_power", 0.6, at_least=True),
)


@dataclass(frozen=True)
class Judged:
    """What the statistics say of the strategies of one world.

    psr                    of the first strategy
    is_first               the best strategy is the first
    dsr, dsr_of_all        of the best strategy, by the effective number of trials and by all
    spa, spa_first         p of the best, and of the first among all
    pbo                    probability of overfitting
    """

    psr: float
    is_first: bool
    dsr: float
    dsr_of_all: float
    spa: float
    spa_first: float
    pbo: float


def main() -> int:
    """Judge all worlds, and say how often luck was taken for skill and skill found."""
    options("Is luck taken for skill, and is skill found?")
    nulls = [judged(strategies(seed), seed) for seed in range(NULLS)]
    skilful = [judged(strategies(seed, SKILL), seed) for seed in range(SKILFUL)]
    return end({**false_of(nulls), **power_of(skilful), **following(NULLS)}, DEMANDS)


def judged(x_TN: Floats, seed: int) -> Judged:
    """Every statistic of one world."""
    best, trials = int(np.argmax(sharpes(x_TN))), x_TN.shape[1]
    track, variance = Track.of(x_TN[:, best]), trial_variance(x_TN)
    worth = effective_trials(trials, mean_correlation(x_TN))
    tested = superior(x_TN, seed, DRAWS)
    return Judged(
        probabilistic_sharpe(Track.of(x_TN[:, 0])),
        best == 0,
        deflated_sharpe(track, worth, variance),
        deflated_sharpe(track, trials, variance),
        tested.consistent,
        float(tested.own_N[0]),
        overfitting(x_TN).probability,
    )


def false_of(worlds: Sequence[Judged]) -> dict[str, object]:
    """Worlds without skill in which skill was called, and the mean probability of overfitting."""
    return {
        "null_worlds": len(worlds),
        "psr_false": sum(world.psr > SURE for world in worlds),
        "dsr_false": sum(world.dsr > SURE for world in worlds),
        "dsr_of_all_false": sum(world.dsr_of_all > SURE for world in worlds),
        "spa_false": sum(world.spa < RARE for world in worlds),
        "pbo_mean": float(np.mean([world.pbo for world in worlds])),
        "pbo_deviation": float(np.std([world.pbo for world in worlds])),
    }


def power_of(worlds: Sequence[Judged]) -> dict[str, object]:
    """Share of the worlds with skill in which it was found."""
    return {
        "skilful_worlds": len(worlds),
        "dsr_power": float(np.mean([world.is_first and world.dsr > SURE for world in worlds])),
        "dsr_of_all_power": float(np.mean([world.is_first and world.dsr_of_all > SURE for world in worlds])),
        "spa_power": float(np.mean([world.spa_first < RARE for world in worlds])),
        "pbo_mean_with_skill": float(np.mean([world.pbo for world in worlds])),
    }


def following(worlds: int) -> dict[str, object]:
    """Worlds in which the first strategy looks skilful, sessions following each other: corrected and not."""
    tracks = [Track.of(strategies(seed, follows=FOLLOWS)[:, 0]) for seed in range(worlds)]
    blind = [Track(track.sharpe, track.skewness, track.kurtosis, track.sessions) for track in tracks]
    return {
        "psr_false_following": sum(probabilistic_sharpe(track) > SURE for track in tracks),
        "psr_false_following_blind": sum(probabilistic_sharpe(track) > SURE for track in blind),
    }


if __name__ == "__main__":
    raise SystemExit(main())
