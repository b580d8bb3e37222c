import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from assets.evaluation.active_return import UNIVERSE, active_returns, deepest_fall
from assets.evaluation.index_returns import index_returns
from assets.evaluation.intervals import SESSIONS_PER_YEAR

DAYS = pl.date_range(date(2016, 1, 1), date(2016, 12, 31), eager=True).alias("session")


def bars_of(index, close, origin="reported", prev_close=True, days=DAYS):
    close = np.asarray(close, dtype=float)
    before = np.concatenate([[close[0]], close[:-1]])
    return pl.DataFrame(days).with_columns(
        index_id=pl.lit(index), close=pl.Series(close), origin=pl.lit(origin),
        prev_close=pl.Series(before if prev_close else [None] * len(close), dtype=pl.Float64),
    )  # fmt: skip


def test_an_index_earns_its_close_over_the_close_before():
    rng = np.random.default_rng(0)
    close = 1000 * np.cumprod(1 + rng.normal(0, 0.01, len(DAYS)))
    found = index_returns(bars_of("sh000300", close), DAYS[1:])
    assert found["sh000300"].to_numpy() == pytest.approx(close[1:] / close[:-1] - 1)
    told = index_returns(bars_of("sh000300", close, prev_close=False), DAYS[1:])
    assert told["sh000300"].to_numpy() == pytest.approx(found["sh000300"].to_numpy())


def test_reported_indices_come_first_and_one_with_holes_is_left_out():
    close = np.arange(1000.0, 1000 + len(DAYS))
    bars = pl.concat(
        [bars_of("all_bars", close, "proxy"), bars_of("zzz", close), bars_of("holes", close[:-9], days=DAYS[:-9])]
    )
    assert index_returns(bars, DAYS[1:]).columns == ["session", "zzz", "all_bars"]


def test_without_index_bars_only_the_sessions_are_there():
    assert index_returns(bars_of("x", [1.0] * len(DAYS)).head(0), DAYS).columns == ["session"]


def test_excess_tracking_error_and_ratio_are_those_of_the_daily_difference():
    rng = np.random.default_rng(1)
    net, other = rng.normal(0.001, 0.01, (2, len(DAYS)))
    daily = pl.DataFrame(DAYS).with_columns(net_return=pl.Series(net), benchmark_return=pl.lit(0.0005))
    lines = {
        (line.part, line.metric): line
        for line in active_returns(daily, pl.DataFrame(DAYS).with_columns(i=pl.Series(other)), 5)
    }
    active = net - other
    excess = lines["i", "excess_return_annual"]
    assert excess.value == pytest.approx(active.mean() * SESSIONS_PER_YEAR)
    assert lines["i", "tracking_error_annual"].value == pytest.approx(active.std(ddof=1) * SESSIONS_PER_YEAR**0.5)
    ratio = lines["i", "information_ratio"]
    assert ratio.value == pytest.approx(active.mean() / active.std(ddof=1) * SESSIONS_PER_YEAR**0.5)
    assert ratio.lower / ratio.value == pytest.approx(excess.lower / excess.value)
    assert lines[UNIVERSE, "return_annual"].value == pytest.approx(0.0005 * SESSIONS_PER_YEAR)


def test_sessions_without_a_yardstick_are_left_out():
    daily = pl.DataFrame(DAYS).with_columns(
        net_return=pl.lit(0.001), benchmark_return=pl.when(pl.col("session") > date(2016, 6, 30)).then(0.0005)
    )
    lines = active_returns(daily, pl.DataFrame(DAYS), 5)
    assert {line.sessions for line in lines} == {184}


def test_the_deepest_fall_starts_at_the_first_day():
    assert deepest_fall(np.array([-0.1, 0.5, -0.2, -0.5])) == pytest.approx(-0.6)
    assert deepest_fall(np.array([-0.1, 0.2])) == pytest.approx(-0.1)
    assert deepest_fall(np.array([0.1])) == 0
    assert math.isnan(deepest_fall(np.array([])))


def test_no_session_of_an_index_is_read_from_later():
    close = np.arange(1000.0, 1000 + len(DAYS))
    whole = index_returns(bars_of("x", close), DAYS[1:100])
    wild = close.copy()
    wild[150:] = 1
    assert index_returns(bars_of("x", wild), DAYS[1:100]).equals(whole)
    assert DAYS[0] + timedelta(days=1) == whole["session"][0]
