"""Watching: what alarms, and what does not."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from assets.serving.watch_page import render_watch
from assets.serving.watching import MOVED, Watch, calibrated, inputs_moved, realised, stability, turned_over

DAYS = [date(2015, 1, 1) + timedelta(days=number) for number in range(200)]
DICE = np.random.default_rng(0)


def information(valid: float, test: float) -> pl.DataFrame:
    """Fifty sessions of validation and 150 of test, with RankICs around two means."""
    segment = ["valid"] * 50 + ["test"] * 150
    rank_ic = np.where(np.arange(200) < 50, valid, test) + 0.05 * DICE.normal(size=200)
    others = {name: 0.0 for name in ("ic", "rank_ic_known", "hit_rate", "decile_spread")}
    frame = pl.DataFrame({"session": DAYS, "segment": segment, "rank_ic": rank_ic})
    return frame.with_columns(
        fold=pl.lit("f"), names=pl.lit(50), is_constant=False, **{k: pl.lit(v) for k, v in others.items()}
    )


@pytest.mark.parametrize(("test", "alarms"), [(0.05, False), (0.08, False), (-0.02, True)])
def test_a_pattern_that_fades_alarms(test, alarms):
    row = realised(information(0.05, test), 5)
    assert row["is_alarm"] == alarms
    assert row["expected"] == pytest.approx(0.05, abs=0.03)
    assert row["value"] == pytest.approx(test, abs=0.03)


def test_a_test_that_has_just_begun_has_no_interval_and_no_alarm():
    row = realised(information(0.05, -0.5).head(55), 5)
    assert (row["lower"], row["upper"], row["is_alarm"]) == (None, None, False)


@pytest.mark.parametrize(("late", "alarms"), [(0.1, False), (0.2, True), (0.04, True)])
def test_another_turnover_alarms(late, alarms):
    turnover = [0.1] * 140 + [late] * 60
    portfolio = pl.DataFrame({"session": DAYS, "turnover": turnover, "excess_return": 0.0})
    assert turned_over(portfolio, 5)["is_alarm"] == alarms


@pytest.mark.parametrize(("stated", "alarms"), [(0.5, False), (0.6, True)])
def test_a_probability_that_no_longer_comes_true_alarms(stated, alarms):
    keys = [(day, f"s{number}") for day in DAYS for number in range(40)]
    forecasts = pl.DataFrame(keys, schema=["session", "security_id"], orient="row").with_columns(
        probability=pl.lit(stated)
    )
    returns = forecasts.select("session", "security_id", forward_return=pl.Series(DICE.normal(size=len(keys))))
    row = calibrated(forecasts, returns, 1)
    assert row is not None
    assert row["is_alarm"] == alarms
    assert calibrated(forecasts.with_columns(probability=pl.lit(None, pl.Float64)), returns, 1) is None


def test_the_index_of_a_shift_is_that_of_its_formula():
    before, now = np.arange(100, dtype=np.float32), np.full(100, 5, dtype=np.float32)
    # All values in the first of ten tenths: nine shares of .1 fall to the least share, one rises to 1.
    assert stability(before, now) == pytest.approx(0.9 * np.log(10) + 9 * (1e-4 - 0.1) * np.log(1e-3), rel=1e-6)
    assert stability(before, before) == 0
    assert stability(before, before + 1000) > MOVED
    assert stability(np.full(5, np.nan, dtype=np.float32), before) > MOVED


def test_an_input_that_moved_or_is_absent_alarms_and_noise_does_not():
    learned = DICE.normal(size=5000).astype(np.float32)
    now = {
        "same": DICE.normal(size=1000).astype(np.float32),
        "moved": (DICE.normal(size=1000) + 1).astype(np.float32),
        "absent": np.where(DICE.random(1000) < 0.5, np.nan, DICE.normal(size=1000)).astype(np.float32),
    }
    rows = inputs_moved(dict.fromkeys(now, learned), now)
    assert {row["measure"]: row["is_alarm"] for row in rows} == {
        "input same": False, "input moved": True, "input absent": True,
    }  # fmt: skip


def test_the_page_tells_of_each_champion_and_of_none():
    known = information(0.05, -0.02)
    rows = [realised(known, 5), *inputs_moved({"x": np.ones(9, np.float32)}, {"x": np.zeros(9, np.float32)})]
    watch = pl.DataFrame(rows, infer_schema_length=None).with_columns(horizon=pl.lit(5), experiment=pl.lit("ridge"))
    watch = Watch.validate(watch.select(Watch.column_names()), cast=True)
    files = render_watch(watch, {5: known})
    page = files["watch.html"].decode()
    assert "Alarms: realised_rank_ic, input x." in page
    assert set(files) == {"watch.html", "realised_rank_ic_5.png", "inputs_5.png"}
    assert "No champion is seated yet" in render_watch(Watch.create_empty(), {})["watch.html"].decode()
