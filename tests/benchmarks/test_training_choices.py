"""Training choices: one thing is changed at a time, and differences are taken between what is comparable."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from assets.training.panel import TRAIN, VALID
from benchmarks.importance import drawn
from benchmarks.training_choices import (
    CHOICES,
    EXPERIMENTS,
    LEVELS,
    PAIRS,
    PLAIN,
    Choice,
    changed_by,
    effect,
    shortened,
)
from pipelines.experiment import Experiment
from pipelines.experiment_files import read_experiment

DAYS = [date(2015, 1, 1) + timedelta(day) for day in range(60)]


@pytest.fixture(scope="module")
def plain() -> Experiment:
    return read_experiment(Path(EXPERIMENTS) / "lstm_plain.yaml")


@pytest.mark.parametrize("choice", CHOICES, ids=lambda choice: choice.name)
def test_a_choice_changes_one_section_of_the_plain_experiment(choice: Choice, plain: Experiment) -> None:
    before, after = plain.model_dump(), changed_by(plain, choice).model_dump()
    assert len([name for name in before if before[name] != after[name]]) == (choice.name != PLAIN)


def test_importance_weights_are_all_that_differs_from_two_levels(plain: Experiment) -> None:
    by_name = {choice.name: changed_by(plain, choice).model for choice in CHOICES}
    weighed, levels = by_name["importance weights"], by_name[LEVELS]
    assert weighed.model_copy(update={"importance_weights": False}) == levels != weighed
    assert {choice.name for choice in CHOICES} - {PLAIN} <= {name for name, _ in PAIRS}
    assert len(by_name) == len(CHOICES)


def test_a_shortened_panel_keeps_the_last_sessions_of_train_and_all_of_the_rest() -> None:
    panel, _ = drawn(0)
    short = shortened(panel, 50)
    train_T, whole_T = ((one.segment_ST == TRAIN).any(axis=0) for one in (short, panel))
    assert train_T.sum() == 50
    assert np.flatnonzero(train_T)[-1] == np.flatnonzero(whole_T)[-1]
    assert np.array_equal(short.segment_ST == VALID, panel.segment_ST == VALID)
    assert (panel.segment_ST == TRAIN).sum() > (short.segment_ST == TRAIN).sum()


def test_an_effect_is_the_mean_difference_over_markets() -> None:
    def days(market: int, choice: str, length: str, rank_ic: list[float]) -> pl.DataFrame:
        told = {"market": market, "choice": choice, "length": length}
        return pl.DataFrame({"session": DAYS, "rank_ic": rank_ic}).with_columns(
            pl.lit(value).alias(name) for name, value in told.items()
        )

    noise = np.random.default_rng(0).normal(0, 0.05, (2, len(DAYS)))
    found = [days(market, "plain", "all", noise[market].tolist()) for market in (0, 1)]
    found += [days(market, "new", "all", (noise[market] + 0.01 * (1 + market)).tolist()) for market in (0, 1)]
    found.append(days(0, "new", "500", [9.0] * len(DAYS)))
    told = effect(pl.concat(found), 5, "new", "plain", "all")
    assert told.mean == pytest.approx(0.015)
    assert told.lower == pytest.approx(told.upper)
