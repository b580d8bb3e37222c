"""Luck: what is left of a lucky trial, of a skilful one, and what is said where nothing can be told."""

import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.evaluation.deflation import deflated_sharpe
from assets.evaluation.luck import figures, sentence
from assets.evaluation.sharpe import Track

DAY = date(2016, 1, 4)


def family(x_TN: np.ndarray) -> pl.DataFrame:
    """Trials t00, t01, ... of daily excess returns."""
    days = [DAY + timedelta(days=k) for k in range(len(x_TN))]
    rows = [
        pl.DataFrame({"trial_id": [f"t{n:02d}"] * len(days), "session": days, "excess_return": x_TN[:, n]})
        for n in range(x_TN.shape[1])
    ]
    return pl.concat(rows)


def baseline(values: np.ndarray) -> pl.DataFrame:
    return family(values[:, None]).drop("trial_id")


def noise(seed: int, trials: int = 8, sessions: int = 500) -> np.ndarray:
    return 0.005 * np.random.default_rng(seed).standard_t(5, (sessions, trials))


def told(*args, **more) -> dict:
    return {figure.metric: figure for figure in figures(*args, **more)}


def test_a_skilful_trial_stands_above_luck():
    x = noise(0)
    x[:, 3] += 0.0012
    found = told(family(x), "t03", 0, {"ridge": baseline(noise(1)[:, 0])})
    assert found["psr"].value > 0.99
    assert found["dsr"].value > 0.95
    assert found["spa_p_universe"].value < 0.05
    assert found["spa_p_ridge"].value < 0.05
    assert found["pbo"].value < 0.2
    assert "more than luck in choosing gives" in sentence(list(found.values()))


def test_the_best_of_noise_is_told_to_be_luck():
    x = noise(0, trials=20)
    best = int((x.mean(axis=0) / x.std(axis=0)).argmax())
    found = told(family(x), f"t{best:02d}", 0, {})
    assert found["psr"].value > 0.9 > found["dsr"].value
    assert found["spa_p_universe"].value == found["spa_best_p_universe"].value > 0.05
    text = sentence(list(found.values()))
    assert "one of 20 tried" in text
    assert "luck in choosing is enough to explain it" in text
    assert "no lead told apart from luck" in text


def test_the_figures_are_those_of_their_parts():
    x = noise(2)
    found, track = told(family(x), "t01", 4, {}), Track.of(x[:, 1])
    assert found["trials"].value == 12
    assert found["sharpe_annual"].value == pytest.approx(track.sharpe * math.sqrt(243))
    assert found["sharpe_annual"].lower < found["sharpe_annual"].value < found["sharpe_annual"].upper
    spread = x.mean(axis=0) / x.std(axis=0, ddof=1)
    assert found["dsr"].value == pytest.approx(deflated_sharpe(track, 12, max(spread.var(ddof=1), 1 / 499)), abs=0.02)
    assert found["trial_groups"].value == 12
    assert found["dsr"].value <= found["psr"].value
    assert all(figure.unit and figure.definition for figure in found.values())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 50), st.integers(0, 50))
def test_a_failed_trial_more_never_makes_a_result_surer(a, b):
    few, many = sorted((a, b))
    rows = family(noise(3, trials=4, sessions=170))
    less, more = told(rows, "t00", few, {}), told(rows, "t00", many, {})
    assert more["dsr"].value <= less["dsr"].value
    assert more["dsr_effective"].value <= less["dsr_effective"].value
    assert more["haircut_sharpe_annual"].value <= less["haircut_sharpe_annual"].value
    assert more["luck_sharpe_annual"].value >= less["luck_sharpe_annual"].value


def test_a_trial_of_other_sessions_counts_as_a_look_without_comparable_returns():
    x = noise(4)
    later = family(noise(5)).with_columns(pl.col("session") + timedelta(days=5000), trial_id="x" + pl.col("trial_id"))
    found = told(pl.concat([family(x), later]), "t00", 1, {})
    assert (found["trials"].value, found["trials_left_out"].value, found["trials_failed"].value) == (17, 8, 1)


def test_copies_of_one_trial_are_worth_one():
    x = np.repeat(noise(6, trials=1), 5, axis=1)
    found = told(family(x), "t02", 0, {})
    assert found["trials_effective"].value == pytest.approx(1)
    assert found["trial_groups"].value == 1
    assert found["dsr"].value == pytest.approx(found["psr"].value)
    assert "one of 5 tried on these sessions, worth 1 that" in sentence(list(found.values()))


def test_one_trial_only_has_no_overfitting_to_be_told_and_says_so():
    found = told(family(noise(7, trials=1)), "t00", 0, {})
    assert math.isnan(found["pbo"].value)
    assert found["pbo"].definition.startswith("not told: 1 trials on 500 common sessions")
    assert math.isnan(found["trials_effective"].value)
    assert found["dsr"].value == found["dsr_effective"].value == found["psr"].value
    assert "nothing else was tried" in sentence(list(found.values()))
    assert "overfits" not in sentence(list(found.values()))


def test_failed_trials_beside_one_with_returns_are_taken_as_noise():
    found = told(family(noise(7, trials=1)), "t00", 9, {})
    assert found["dsr"].value < found["psr"].value
    assert "too few have returns to compare" in found["dsr"].definition
    assert "cannot be told: too few with returns" in sentence(list(found.values()))


def test_a_loss_has_no_track_record_that_is_long_enough():
    found = told(family(noise(8) - 0.001), "t00", 0, {})
    assert math.isnan(found["min_track_record"].value)
    assert found["min_track_record"].definition.startswith("not told: the ratio is not above 0")
    assert "min_backtest" not in found


def test_what_the_baseline_lacks_is_said():
    x = noise(9)
    rivals = {"ridge": baseline(noise(1)[:10, 0]), "itself": baseline(x[:, 0])}
    found = told(family(x), "t00", 0, rivals)
    assert "10 sessions in common with ridge" in found["spa_p_ridge"].definition
    assert "the very returns of this trial" in found["spa_p_itself"].definition
    assert "Against ridge: not told" in sentence(list(found.values()))


@pytest.mark.parametrize("x", [noise(0, trials=2, sessions=19), np.zeros((100, 2))])
def test_nothing_is_told_of_too_short_or_empty_a_record(x):
    found = figures(family(x), "t00", 0, {})
    assert [figure.metric for figure in found] == ["sharpe_annual"]
    assert math.isnan(found[0].value)
    assert sentence(found).startswith("Whether this is luck cannot be told")


def test_a_trial_in_cash_beside_one_that_trades_does_no_harm():
    x = noise(10, trials=2)
    x[:, 1] = 0.0
    found = told(family(x), "t00", 0, {})
    assert math.isnan(found["trials_effective"].value)
    assert 0 <= found["dsr"].value <= 1


def test_the_order_of_the_rows_does_not_matter_and_a_second_time_is_equal_to_the_bit():
    rows = family(noise(11))
    mixed = rows.sample(fraction=1, shuffle=True, seed=0)
    assert repr(figures(rows, "t00", 0, {})) == repr(figures(mixed, "t00", 0, {}))


def test_a_negative_number_of_failed_trials_is_refused():
    with pytest.raises(ValueError, match="failed trials were -1"):
        figures(family(noise(0)), "t00", -1, {})
