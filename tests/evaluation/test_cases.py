from dataclasses import fields
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from assets.evaluation.cases import SIZES, cases
from assets.evaluation.styles import STYLES


def laid(market, first=0, last=None, **changed):
    frames = {name: getattr(market, name) for name in ("returns", "bars", "float_shares", "industries")}
    told = market.forecasts.filter(pl.col("session").is_in(market.sessions[first:last]))
    return cases(told, **{**frames, **changed}, horizon=5, hour=20)


def test_each_case_lies_in_its_slices(small_market):
    market = small_market()
    found = laid(market)
    told = market.forecasts.filter(pl.col("session") == market.sessions[9], pl.col("security_id") == market.names[3])
    assert found.forecast_TS[9, 3] == told["forecast"][0]
    board, industry = found.slicings["board"], found.slicings["industry"]
    assert [board.names[place] for place in board.group_TS[9]] == ["chinext", "main", "main"] * 4
    assert [industry.names[place] for place in industry.group_TS[9]] == ["bank", "steel"] * 6
    assert found.slicings["year"].names == ("2016",)
    assert set(found.styles) == set(STYLES)


def test_thirds_of_size_are_of_equal_number_and_ordered_by_size(small_market):
    found = laid(small_market())
    size = found.slicings["size"]
    assert size.names == SIZES
    for t in range(len(size.group_TS)):
        assert np.bincount(size.group_TS[t]).tolist() == [4, 4, 4]
        order = np.argsort(found.styles["size"][t])
        assert (np.diff(size.group_TS[t][order]) >= 0).all()


def test_size_is_the_log_of_float_shares_times_the_last_close(small_market):
    market = small_market()
    row = market.bars.filter(pl.col("session") == market.sessions[50], pl.col("security_id") == market.names[4])
    assert laid(market).styles["size"][50, 4] == pytest.approx(np.log(5e6 * row["close"][0]))


def test_styles_are_what_numpy_says_of_the_returns_up_to_the_session(small_market):
    market = small_market(sessions=180)
    found = laid(market)
    close = market.bars["close"].to_numpy().reshape(180, -1)
    returns = np.diff(np.log(close), axis=0, prepend=np.nan)
    own, whole = returns[31:151], returns[31:151].mean(axis=1)
    slope = np.polyfit(whole, own[:, 2], 1)[0]
    assert found.styles["beta"][150, 2] == pytest.approx(slope)
    assert found.styles["volatility"][150, 2] == pytest.approx(returns[91:151, 2].std(ddof=1))
    assert found.styles["reversal"][150, 2] == pytest.approx(np.log(close[130, 2] / close[150, 2]))


def test_nothing_that_slices_a_session_follows_what_came_later(small_market):
    market = small_market()
    cut = market.sessions[120]
    later = pl.col("session") > cut
    wild = market.bars.with_columns(
        close=pl.when(later).then(pl.col("close") * 3).otherwise("close"),
        board=pl.when(later).then(pl.lit("star")).otherwise("board"),
    )
    told = pl.col("available_at") + pl.duration(days=5000)
    shares = pl.concat(
        [market.float_shares, market.float_shares.with_columns(float_shares=pl.lit(1.0), available_at=told)]
    )
    before, after = laid(market, last=121), laid(market, last=121, bars=wild, float_shares=shares)
    assert all(before.styles[name].tobytes() == after.styles[name].tobytes() for name in STYLES)
    for kind, slicing in before.slicings.items():
        codes = [
            [one.names[place] if place >= 0 else "" for place in one.group_TS[100]]
            for one in (slicing, after.slicings[kind])
        ]
        assert codes[0] == codes[1], kind
        assert slicing.group_TS.shape == (121, 12)
    assert (before.slicings["market volatility"].group_TS[100] >= 0).all()


def test_a_bar_that_came_after_the_decision_is_not_known(small_market):
    market = small_market()
    late = market.bars.with_columns(
        available_at=pl.when(pl.col("session") == market.sessions[100])
        .then(pl.col("available_at") + timedelta(hours=4))
        .otherwise("available_at")
    )
    found, whole = laid(market, bars=late), laid(market)
    assert (found.slicings["board"].group_TS[100] == -1).all()
    assert (found.slicings["market return"].group_TS[100] == -1).all()
    assert found.styles["reversal"][100, 0] != whole.styles["reversal"][100, 0]


def test_an_industry_that_became_known_later_slices_later_only(small_market):
    market = small_market()
    since = pl.lit(market.sessions[60]).dt.combine(pl.time(12)).dt.replace_time_zone("Asia/Shanghai")
    found = laid(market, industries=market.industries.with_columns(available_at=since))
    group_TS = found.slicings["industry"].group_TS
    assert (group_TS[:60] == -1).all()
    assert (group_TS[60:] >= 0).all()


def test_a_market_without_industries_has_none(small_market):
    market = small_market()
    assert laid(market, industries=market.industries.head(0)).slicings["industry"].names == ()


def test_the_returns_of_every_horizon_are_there_and_a_refused_buy_has_none(small_market):
    market = small_market()
    other = market.returns.with_columns(
        horizon=pl.lit(1, dtype=pl.Int32), forward_return=pl.lit(None, dtype=pl.Float64)
    )
    found = laid(market, returns=pl.concat([market.returns, other]))
    assert sorted(found.returns) == [1, 5]
    assert np.isnan(found.returns[1]).all()
    assert found.counted.all()


def test_a_name_forecast_twice_in_a_session_is_refused(small_market):
    market = small_market()
    market.forecasts = pl.concat([market.forecasts, market.forecasts.head(1)])
    with pytest.raises(ValueError, match="forecast twice"):
        laid(market)


def test_cases_are_the_same_to_the_bit_when_they_are_made_again(small_market):
    market = small_market()
    once, again = laid(market), laid(market)
    assert {field.name for field in fields(once)} >= {"styles", "slicings"}
    assert all(once.styles[name].tobytes() == again.styles[name].tobytes() for name in STYLES)
