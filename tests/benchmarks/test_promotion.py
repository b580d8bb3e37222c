"""The benchmark's seat is tried for quarter by quarter, by whoever was best on the validation windows until then."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl

from benchmarks.promotion import FIRST, NULL, Contender, World, tried

START, SESSIONS, NAMES = date(2015, 1, 5), 190, 30
DAYS = [START + timedelta(days=day) for day in range(SESSIONS)]
SECOND_WINDOW = DAYS[100]


def market(skill: dict[str, float], valid: dict[str, tuple[float, float]]) -> tuple[dict[str, Contender], pl.DataFrame]:
    rng = np.random.default_rng(3)
    names = pl.DataFrame({"security_id": [f"sh{600000 + number}" for number in range(NAMES)]})
    rows = pl.DataFrame({"session": DAYS}).join(names, how="cross")
    returns = rng.normal(0, 0.02, rows.height)
    label = pl.lit(pl.Series(returns))
    labels = rows.with_columns(horizon=pl.lit(5, pl.Int32), forward_return=label, paper_return=label)
    contenders = {}
    for name, share in skill.items():
        forecast = pl.lit(pl.Series(share * returns + rng.normal(0, 0.02, rows.height)))
        told = rows.with_columns(seed=pl.lit(0, pl.Int32), segment=pl.lit("test"), fold=pl.lit("x"), forecast=forecast)
        earned = pl.DataFrame({"session": DAYS, "excess_return": rng.normal(0.01 * share, 0.004, SESSIONS)})
        windows = dict(zip((START, SECOND_WINDOW), valid[name], strict=True))
        contenders[name] = Contender(name, windows, told, earned, share)
    return contenders, labels


def test_the_best_on_validation_tries_and_takes_the_seat_when_it_is_better() -> None:
    contenders, labels = market({FIRST: 0.1, "far": 0.8}, {FIRST: (0.1, 0.1), "far": (0.0, 0.0)})
    history = tried(contenders, labels, 5)
    assert [(seat.told, seat.holder) for seat in history[:2]] == [("seated", FIRST), ("promoted", "far")]
    assert history[1].until == DAYS[59]
    assert World(NULL, 0, 1.0, tuple(history), {FIRST: 0.1, "far": 0.8}).promotions == 1
    assert World(NULL, 0, 1.0, tuple(history), {FIRST: 0.1, "far": 0.8}).is_better


def test_who_is_best_follows_the_windows_that_have_begun() -> None:
    contenders, labels = market(
        {FIRST: 0.0, "far": 0.0, "wide": 0.0}, {FIRST: (0.1, 0.1), "far": (0.2, -1.0), "wide": (0.0, 0.0)}
    )
    history = tried(contenders, labels, 5)
    assert [seat.challenger for seat in history] == [None, "far", "wide", "wide"]
    assert not World(NULL, 0, 1.0, tuple(history), {FIRST: None, "far": None, "wide": None}).is_better
    assert {seat.told for seat in history} == {"seated", "kept"}
