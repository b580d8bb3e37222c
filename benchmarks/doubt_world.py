"""Doubt world: a made-up market in which the probability of a rise, and how sure anybody can be of it, are known.

Before each session a name has a tone, which moves the logit of its probability, and an exposure, which says how
strongly the logit follows a shock that all names share and nobody foresees. Its return is as wide as its volatility,
which fades slowly and jumps where an event was announced.
"""
# S securities, T sessions, F features

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from assets.training.panel import TEST, TRAIN, VALID, Panel, targets
from assets.wide import Grid

NAMES, BEFORE, TRAINED, VALIDATED, TESTED = 100, 60, 1000, 200, 600
COLUMNS = ("log_return", "tone", "exposure", "event")
TONE_COUNTS = 0.5
LEAST_SHARED, MOST_SHARED = 0.1, 1.1
FADES, MOVES = 0.97, 0.1
EVENTS, JUMP = 0.1, 0.7
DAILY = 0.02

Wide = NDArray[np.float64]


@dataclass(frozen=True)
class DoubtWorld:
    """A drawn market; the label of a session is the return of the next one.

    probability_ST  of a rise of the label, the shared shock known
    volatility_ST   root of the mean square of the label, as known before
    """

    panel: Panel
    probability_ST: Wide
    volatility_ST: Wide


def doubt_world(seed: int) -> DoubtWorld:
    """Draw a market."""
    rng = np.random.default_rng(seed)
    shape = (NAMES, BEFORE + TRAINED + VALIDATED + TESTED + 3)
    tone_ST, event_ST = rng.standard_normal(shape), rng.random(shape) < EVENTS
    exposure_ST, slow_ST = _fading(rng, shape), MOVES * _fading(rng, shape) / np.sqrt(1 - FADES**2)
    shared_ST = LEAST_SHARED + (MOST_SHARED - LEAST_SHARED) / (1 + np.exp(-2 * exposure_ST))
    probability_ST = 1 / (1 + np.exp(-(TONE_COUNTS * tone_ST + shared_ST * rng.standard_normal(shape[1]))))
    rises_ST = rng.random(shape) < probability_ST
    volatility_ST = DAILY * np.exp(slow_ST + JUMP * event_ST)
    label_ST = np.where(rises_ST, 1, -1) * np.abs(rng.standard_normal(shape)) * volatility_ST
    return_ST = np.concatenate([np.zeros((NAMES, 1)), label_ST[:, :-1]], axis=1)
    x_STF = np.stack([return_ST, tone_ST, exposure_ST, event_ST], axis=-1).astype(np.float32)
    return DoubtWorld(_panel(x_STF, label_ST.astype(np.float32)), probability_ST, volatility_ST)


def _fading(rng: np.random.Generator, shape: tuple[int, int]) -> Wide:
    """Normal numbers, each row of which forgets slowly."""
    fresh_ST = rng.standard_normal(shape)
    kept_ST = np.empty(shape)
    kept_ST[:, 0] = fresh_ST[:, 0]
    for t in range(1, shape[1]):
        kept_ST[:, t] = FADES * kept_ST[:, t - 1] + np.sqrt(1 - FADES**2) * fresh_ST[:, t]
    return kept_ST


def _panel(x_STF: NDArray[np.float32], label_ST: NDArray[np.float32]) -> Panel:
    segment_ST = np.zeros(label_ST.shape, dtype=np.int8)
    start = BEFORE
    for segment, length in ((TRAIN, TRAINED), (VALID, VALIDATED), (TEST, TESTED)):
        segment_ST[:, start : start + length] = segment
        start += length + 1
    everyone_ST = np.ones(label_ST.shape, dtype=bool)
    return Panel(
        grid=Grid(
            tuple(date(2010, 1, 1) + timedelta(days=number) for number in range(label_ST.shape[1])),
            tuple(f"sh{600000 + number}" for number in range(NAMES)),
        ),
        columns=COLUMNS,
        sequence_columns=("log_return",),
        groups=("price_window", "news", "price_volume", "policy_events"),
        x_STF=x_STF,
        label_ST=label_ST,
        target_ST=targets(label_ST, everyone_ST, segment_ST),
        member_ST=everyone_ST,
        segment_ST=segment_ST,
    )
