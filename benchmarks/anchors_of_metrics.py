"""Anchors of metrics: a toy ranking, toy probabilities, what a doubt of .1 means, how far short intervals cover."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date
from functools import partial

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import brentq

from assets.evaluation.information import information
from assets.evaluation.probability import aurc, brier, calibration_error, excess_aurc
from assets.evaluation.top_order import ndcg
from benchmarks.anchor import Anchor
from benchmarks.coverage import coverage_of_overlap
from models.heads import NARROWEST, LogitNormalHead

Floats = NDArray[np.float64]

COMPUTED = "computed independently"
SCORE = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2])
GRADE = np.array([3.0, 2, 3, 0, 1, 2, 0, 1])
STATED = np.array([0.1, 0.2, 0.3, 0.35, 0.6, 0.65, 0.8, 0.9])
ROSE = np.array([0, 0, 1, 0, 1, 0, 1, 1], dtype=bool)


def anchors() -> list[Anchor]:
    """All of them."""
    return [*_ranking(), *_probabilities(), *_doubts(), *_short_intervals()]


def _ranking() -> list[Anchor]:
    placed_N = GRADE[np.argsort(-SCORE)]
    gains = {"exponential": 2.0**placed_N - 1, "linear": placed_N}
    known = {
        "exponential": {3: "0.959454", 5: "0.875594", 8: "0.947305"},
        "linear": {3: "0.977781", 5: "0.861044", 8: "0.957236"},
    }
    day = _day()
    return [
        Anchor("Pearson correlation", "0.634335", lambda: float(day["ic"].item()), COMPUTED),
        Anchor("Spearman correlation", "0.634335", lambda: float(day["rank_ic"].item()), COMPUTED),
        *(
            Anchor(f"NDCG at {k}, {gain} gain", text, partial(_ndcg, gains[gain], k), COMPUTED)
            for gain, texts in known.items()
            for k, text in texts.items()
        ),
    ]


def _ndcg(placed_N: NDArray[np.float64], k: int) -> float:
    return float(ndcg(placed_N[None], k)[0])


def _probabilities() -> list[Anchor]:
    loss_N = ((STATED >= 0.5) != ROSE).astype(np.float64)
    doubt_N = 1 - np.maximum(STATED, 1 - STATED)
    return [
        Anchor("ECE, 5 bins of equal width", "0.2", lambda: calibration_error(STATED, ROSE, 5, "width"), COMPUTED),
        Anchor("Brier score", "0.161875", lambda: brier(STATED, ROSE), COMPUTED),
        Anchor("AURC", "0.112798", lambda: aurc(loss_N, doubt_N), COMPUTED),
        Anchor("AURC of the best order", "0.049107", lambda: aurc(loss_N, loss_N), COMPUTED),
        Anchor("excess AURC", "0.063690", lambda: excess_aurc(loss_N, doubt_N), COMPUTED),
    ]


def _doubts() -> list[Anchor]:
    scales = {0.5: "0.4165", 0.6: "0.4324", 0.7: "0.4875", 0.8: "0.6118", 0.9: "0.9079", 0.95: "1.2495"}
    counts = {0.5: "24", 0.6: "23", 0.7: "20", 0.8: "15", 0.9: "8"}
    seeds = {5: "0.35", 20: "0.16"}
    return [
        Anchor("mean of sigmoid, N(1, 1)", "0.69673", lambda: _stated(1, 1)[0], COMPUTED),
        Anchor("mean of sigmoid, N(3, 4)", "0.87041", lambda: _stated(3, 2)[0], COMPUTED),
        Anchor("deviation of sigmoid, N(3, 4)", "0.187", lambda: _stated(3, 2)[1], COMPUTED),
        Anchor("the same by the slope at the mean", "0.090", lambda: 2 * _sigmoid(3) * _sigmoid(-3), COMPUTED),
        Anchor("mean by the probit formula, N(1, 1)", "0.70001", partial(_by_probit, 1, 1), COMPUTED),
        Anchor("mean by the probit formula, N(3, 4)", "0.86658", partial(_by_probit, 3, 2), COMPUTED),
        Anchor("probability whose outcome deviates by .1", "0.0101", lambda: (1 - math.sqrt(1 - 0.04)) / 2, COMPUTED),
        *(
            Anchor(f"scale of the logit, doubt .1 at {p:g}", text, partial(_scale_of_a_tenth, p), COMPUTED)
            for p, text in scales.items()
        ),
        *(
            Anchor(f"Beta count, doubt .1 at {p:g}", text, partial(_count_of_a_tenth, p), COMPUTED)
            for p, text in counts.items()
        ),
        *(
            Anchor(f"error of a deviation over {m} members", text, partial(_error_of_members, m), COMPUTED)
            for m, text in seeds.items()
        ),
    ]


def _short_intervals() -> list[Anchor]:
    short: list[tuple[str, str, Callable[[], float]]] = [
        ("coverage of a lag of the overlap, h 5", "0.87..0.90", partial(coverage_of_overlap, 5)),
        ("coverage of a lag of the overlap, h 20", "0.79..0.88", partial(coverage_of_overlap, 20)),
    ]
    return [Anchor(*line, COMPUTED) for line in short]


def _day() -> pl.DataFrame:
    key = {"session": [date(2016, 1, 4)] * len(SCORE), "security_id": [f"s{n}" for n in range(len(SCORE))]}
    told = pl.DataFrame(
        {
            **key,
            "fold": "2016",
            "segment": "test",
            "seed": pl.repeat(0, 8, dtype=pl.Int32, eager=True),
            "forecast": SCORE,
        }
    )
    came = pl.DataFrame(
        {**key, "horizon": pl.repeat(5, 8, dtype=pl.Int32, eager=True), "forward_return": GRADE, "paper_return": GRADE}
    )
    return information(told, came, 5)


def _stated(mean: float, scale: float) -> tuple[float, float]:
    """Mean and deviation of the probability that the project's head states of a normal logit."""
    raw = math.log(math.expm1(scale - NARROWEST))
    outlook = LogitNormalHead().outlook(torch.tensor([[[mean, raw]]], dtype=torch.float64))
    if outlook.probability is None or outlook.probability_std is None:
        raise TypeError("the head states no probability")
    return float(outlook.probability), float(outlook.probability_std)


def _scale_of_a_tenth(probability: float) -> float:
    middle = math.log(probability / (1 - probability))
    return float(brentq(lambda scale: _stated(middle, scale)[1] - 0.1, 0.05, 3.0))


def _count_of_a_tenth(probability: float) -> float:
    """Count a + b at which a Beta of this mean deviates by .1."""
    return float(
        brentq(lambda count: stats.beta(probability * count, (1 - probability) * count).std() - 0.1, 1.0, 100.0)
    )


def _error_of_members(members: int) -> float:
    return 1 / math.sqrt(2 * (members - 1))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-x))


def _by_probit(mean: float, scale: float) -> float:
    return _sigmoid(mean / math.sqrt(1 + math.pi * scale**2 / 8))
