"""Against baselines: what is told of a lead, of a lag, and where nothing can be told."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from assets.evaluation.against_baselines import against_baselines, sentence

DAY = date(2016, 1, 4)


def daily(values, first: int = 0) -> pl.DataFrame:
    days = [DAY + timedelta(days=first + k) for k in range(len(values))]
    return pl.DataFrame({"session": days, "excess_return": pl.Series(values, dtype=pl.Float64)})


def noise(seed: int, sessions: int = 400) -> np.ndarray:
    return 0.005 * np.random.default_rng(seed).standard_t(5, sessions)


def rows(own, baselines, **more) -> dict:
    return {row["baseline"]: row for row in against_baselines(own, baselines, **more).iter_rows(named=True)}


def test_a_lead_a_lag_and_luck_are_told_apart():
    market, own = noise(0), 0.2 * noise(1)
    found = rows(
        daily(market + own),
        {"ridge": daily(market - 0.0005), "lightgbm": daily(market + 0.0008), "reversal": daily(market)},
    )
    assert [row["verdict"] for row in found.values()] == ["better", "worse", "not told apart"]
    assert found["ridge"]["p_better"] < 0.05 < found["lightgbm"]["p_better"]
    assert found["lightgbm"]["p_worse"] < 0.05 < found["ridge"]["p_worse"]
    assert found["ridge"]["difference_annual"] == pytest.approx(243 * (own.mean() + 0.0005))
    assert found["ridge"]["lower"] < found["ridge"]["difference_annual"] < found["ridge"]["upper"]


def test_only_common_sessions_count_whatever_their_order():
    own, ridge = noise(2), noise(3)
    late = daily(ridge, first=150)
    found = rows(daily(own).sample(fraction=1, shuffle=True, seed=0), {"ridge": late})["ridge"]
    assert found["sessions"] == 250
    assert found["difference_annual"] == pytest.approx(243 * (own[150:] - ridge[:250]).mean())
    holed = daily(own).with_columns(
        excess_return=pl.when(pl.col("session") == DAY).then(None).otherwise("excess_return")
    )
    assert rows(holed, {"ridge": daily(ridge)})["ridge"]["sessions"] == 399


def test_what_cannot_be_told_says_why():
    own = noise(4)
    table = against_baselines(
        daily(own), {"short": daily(noise(5)[:19]), "itself": daily(own), "ridge": daily(noise(6))}
    )
    found = {row["baseline"]: row for row in table.iter_rows(named=True)}
    assert found["short"]["verdict"] == "not told: 19 sessions in common, at least 20 are needed"
    assert found["short"]["difference_annual"] is None
    assert found["itself"]["verdict"] == "not told: both differ by the same in every session"
    assert found["ridge"]["p_worse"] is not None
    assert "Against short: not told: 19 sessions" in sentence(table)


def test_a_sentence_tells_the_difference_in_percent():
    text = sentence(against_baselines(daily(noise(0) + 0.002), {"ridge": daily(noise(7))}))
    assert text.startswith("Against ridge: +")
    assert "% a year [" in text
    assert text.endswith("over 400 sessions, better.")


def test_a_second_time_is_equal_to_the_bit():
    baselines = {"ridge": daily(noise(8)), "lightgbm": daily(noise(9))}
    first = against_baselines(daily(noise(10)), baselines)
    assert against_baselines(daily(noise(10)), baselines).equals(first)


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(ValueError, match="no baseline"):
        against_baselines(daily(noise(0)), {})
    twice = pl.concat([daily(noise(0)), daily([0.1])])
    with pytest.raises(ValueError, match="two returns stand on one session"):
        against_baselines(twice, {"ridge": daily(noise(1))})
