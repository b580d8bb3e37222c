"""Importance: a made-up market of which features are known to count and how much, and how a network weighs them.

Half of the features foretell the return, each more than the next; the other half foretell nothing. Which are which is
drawn. Run by itself it tells how far the halves lie apart on markets of one's own choice, which is how the training
was chosen.
"""
# S securities, T sessions, F features

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
import torch
from numpy.typing import NDArray

from assets.training.fit import fit
from assets.training.panel import TRAIN, VALID, Panel, asked, targets
from assets.training.spec import TrainingSpec
from assets.wide import Grid
from benchmarks.outcome import seeds_of
from models.losses import MeanSquaredSpec
from models.network import Network
from models.ranking import RankIc, ranks_within
from models.two_level_lstm import TwoLevelLstm, TwoLevelLstmSpec

NAMES, TRAINED, VALIDATED = 100, 500, 150
STRENGTHS = (0.12, 0.10, 0.08, 0.06, 0.04)
"""Correlation of each informative feature with the return."""
FEATURES = 2 * len(STRENGTHS)
MODEL = TwoLevelLstmSpec(
    look_back=10, expert=16, embedding=0, coordinator=8, summaries=2, importance_weights=True, precision="fp32"
)
TRAINING = TrainingSpec(
    max_epochs=20, patience=20, batch_size=20, burn_in=10, span=30, learning_rate=0.01, weight_decay=3.0
)
"""Chosen on markets 100 to 113."""


@dataclass(frozen=True)
class Weighed:
    """How a network weighs the features, beside what they are worth.

    strength_F     planted correlation with the return, 0 for half of them
    weight_F       importance weight of names that are not known
    permuted_F     RankIC on validation that is lost where a feature is shuffled among the names of a session
    """

    strength_F: NDArray[np.float64]
    weight_F: NDArray[np.float64]
    permuted_F: NDArray[np.float64]

    @property
    def halves_apart(self) -> bool:
        """Whether every informative feature weighs more than every other one."""
        return self.ratio > 1

    @property
    def ratio(self) -> float:
        """Weight of the weakest informative feature over that of the heaviest other one."""
        is_told_F = self.strength_F > 0
        return float(self.weight_F[is_told_F].min() / self.weight_F[~is_told_F].max())

    @property
    def agreement(self) -> float:
        """Spearman correlation of importance weights and permutation importance."""
        return float(np.corrcoef(_ranks(self.weight_F), _ranks(self.permuted_F))[0, 1])


def main() -> int:
    """Print how far the halves lie apart, market by market and at worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=seeds_of, default=seeds_of("100..105"), help="markets, as 100..105")
    parser.add_argument("--weight-decay", type=float, default=TRAINING.weight_decay)
    asked = parser.parse_args()
    training = TRAINING.model_copy(update={"weight_decay": asked.weight_decay})
    ratios = {}
    for seed in asked.seeds:
        ratios[seed] = round(weighed(seed, training).ratio, 3)
        print(f"market {seed}: ratio {ratios[seed]}", flush=True)
    print(json.dumps({"ratio_min": min(ratios.values()), "weight_decay": asked.weight_decay, "seeds": asked.seeds}))
    return 0


def weighed(seed: int, training: TrainingSpec = TRAINING) -> Weighed:
    """Draw a market, fit the network of that seed on it, and weigh its features in both ways."""
    panel, strength_F = drawn(seed)
    fitted = fit(panel, MODEL, MeanSquaredSpec(), training, seed, lambda _: None).forecaster
    if not isinstance(fitted, Network) or not isinstance(fitted.module, TwoLevelLstm) or fitted.module.weights is None:
        raise TypeError(f"{type(fitted).__name__} has no importance weights")
    with torch.no_grad():
        weight_F = fitted.module.weights.weights()[0].double().numpy()
    return Weighed(strength_F, weight_F, permutation_importance(panel, fitted, seed))


def drawn(seed: int) -> tuple[Panel, NDArray[np.float64]]:
    """A panel without a test window, and the strength of each feature."""
    rng = np.random.default_rng(seed)
    sessions = MODEL.look_back + TRAINED + VALIDATED
    strength_F = rng.permutation([*STRENGTHS, *[0.0] * len(STRENGTHS)])
    x_STF = rng.standard_normal((NAMES, sessions, FEATURES))
    noise_ST = rng.standard_normal((NAMES, sessions)) * np.sqrt(1 - (strength_F**2).sum())
    label_ST = (0.02 * (x_STF @ strength_F + noise_ST)).astype(np.float32)
    segment_T = np.repeat([0, TRAIN, VALID], [MODEL.look_back, TRAINED, VALIDATED]).astype(np.int8)
    segment_ST = np.broadcast_to(segment_T, label_ST.shape).copy()
    member_ST = np.ones(label_ST.shape, dtype=bool)
    columns = tuple(f"feature_{number}" for number in range(FEATURES))
    days = tuple(date(2015, 1, 1) + timedelta(day) for day in range(sessions))
    panel = Panel(
        grid=Grid(days, tuple(f"sh{600000 + number}" for number in range(NAMES))),
        columns=columns,
        sequence_columns=columns,
        groups=("drawn",) * FEATURES,
        x_STF=x_STF.astype(np.float32),
        label_ST=label_ST,
        target_ST=targets(label_ST, member_ST, segment_ST),
        member_ST=member_ST,
        segment_ST=segment_ST,
    )
    return panel, strength_F


def permutation_importance(panel: Panel, fitted: Network, seed: int) -> NDArray[np.float64]:
    """RankIC on validation that is lost by feature, [F], where it is shuffled among the names of every session."""
    rng = np.random.default_rng(seed)
    whole = _rank_ic(panel, fitted)
    lost = []
    for place in range(len(panel.columns)):
        x_STF = panel.x_STF.copy()
        x_STF[:, :, place] = rng.permuted(x_STF[:, :, place], axis=0)
        lost.append(whole - _rank_ic(replace(panel, x_STF=x_STF), fitted))
    return np.array(lost)


def _rank_ic(panel: Panel, fitted: Network) -> float:
    sessions_B, rows_B = np.nonzero(panel.labelled(VALID).T)
    stated = fitted.predict(asked(panel, rows_B, sessions_B, fitted.spec.look_back))
    return RankIc(panel.target_ST[rows_B, sessions_B], sessions_B)(stated.forecast)


def _ranks(values_F: NDArray[np.float64]) -> NDArray[np.float64]:
    return ranks_within(values_F, np.zeros(len(values_F), dtype=np.intp))


if __name__ == "__main__":
    sys.exit(main())
