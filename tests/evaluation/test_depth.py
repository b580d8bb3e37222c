import polars as pl
import pytest

from assets.evaluation.cases import cases
from assets.evaluation.depth import Depth, depth, of_confidence, of_forecasts, of_portfolio
from assets.evaluation.information import seed_averaged
from assets.evaluation.portfolio import simulate
from assets.evaluation.trading import TradingSpec


@pytest.fixture
def told(small_market):
    market = small_market(names=30, sessions=200)
    seeds = [
        market.forecasts.with_columns(
            seed=pl.lit(seed, dtype=pl.Int32), segment=pl.lit("test"), fold=pl.lit("2016"),
            forecast=pl.col("forecast").shuffle(seed=seed) if seed else pl.col("forecast"),
        )
        for seed in range(3)
    ]  # fmt: skip
    market.forecasts = pl.concat(seeds).filter(pl.col("session") < market.sessions[-1])
    return market


def made(market, order=None):
    frame = market.forecasts if order is None else market.forecasts.sample(fraction=1.0, shuffle=True, seed=order)
    averaged = seed_averaged(frame)
    universe = averaged.select("session", "security_id", is_member=pl.lit(value=True))
    ran = simulate(averaged, market.bars, universe, TradingSpec(top_k=5, hold_sessions=5))
    index = market.bars.group_by("session").agg(pl.col("close").mean()).sort("session").select(
        "session", "close", index_id=pl.lit("sh000300"), origin=pl.lit("reported"), prev_close=pl.col("close").shift(1)
    )  # fmt: skip
    laid = cases(averaged, market.returns, market.bars, market.float_shares, market.industries, horizon=5, hour=20)
    return depth([*of_forecasts(laid, 5), *of_portfolio(ran.daily, ran.orders, market.bars, index, laid, 5)])


def test_one_table_holds_every_part(told):
    found = made(told)
    assert set(found["kind"]) == {
        "all", "year", "board", "size", "industry", "market volatility", "market return", "top", "side", "horizon",
        "age", "taken out", "style", "beside", "held",
    }  # fmt: skip
    assert found["place"].to_list() == list(range(len(found)))
    whole = found.filter(pl.col("value").is_not_null() & pl.col("lower").is_not_null())
    assert (whole["lower"] <= whole["value"]).all()
    assert Depth.validate(found).height == len(found)


def test_the_table_is_the_same_to_the_bit_however_the_forecasts_come(told):
    first = made(told)
    assert all(made(told, order).equals(first) for order in range(3))


def test_no_figure_is_told_twice(told):
    assert made(told).select("kind", "part", "metric").is_duplicated().sum() == 0


def test_nothing_known_makes_an_empty_table():
    assert depth([]).height == 0
    assert depth([]).columns == list(Depth.column_names())


def test_forecasts_without_validation_have_no_confidence(told):
    told.forecasts = told.forecasts.with_columns(
        probability=pl.lit(0.5), probability_std=pl.lit(0.1), noise_scale=pl.lit(0.02)
    )
    assert of_confidence(told.forecasts, told.returns, 5) == []


def test_a_market_that_tells_of_prices_alone_has_every_part_but_those_of_facts(told):
    told.float_shares, told.industries = told.float_shares.clear(), told.industries.clear()
    found = made(told)
    assert "industry" not in set(found["kind"])
    assert {"all", "year", "board", "top", "side", "age", "taken out", "beside"} <= set(found["kind"])
    assert found.filter(kind="all", metric="rank_ic")["value"].is_not_null().all()


def test_a_test_that_has_just_begun_tells_no_return_of_the_portfolio(told):
    told.forecasts = told.forecasts.filter(pl.col("session") < told.forecasts["session"].unique().sort()[3])
    beside = made(told).filter(kind="beside")
    assert beside["value"].null_count() == beside.height > 0
