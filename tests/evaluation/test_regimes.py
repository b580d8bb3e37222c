import numpy as np
import polars as pl
import pytest

from assets.evaluation.regimes import LEAST_BEFORE, regimes, thirds


def test_a_third_is_counted_among_the_values_up_to_it():
    rising = np.arange(90.0)
    found = thirds(rising)
    assert (found[: LEAST_BEFORE - 1] == -1).all()
    assert (found[LEAST_BEFORE - 1 :] == 2).all()
    assert (thirds(-rising)[LEAST_BEFORE - 1 :] == 0).all()


def test_the_edge_between_thirds_is_counted_in_whole_numbers():
    values = np.concatenate([np.arange(89.0), [59.5]])  # 60 of 90 lie below: exactly two thirds
    assert thirds(values)[-1] == 2
    assert thirds(np.concatenate([np.arange(89.0), [58.5]]))[-1] == 1


def test_values_that_are_not_known_have_no_third_and_no_part_in_others():
    values = np.random.default_rng(0).standard_normal(150)
    holes = np.insert(values, 100, np.nan)
    assert thirds(holes)[100] == -1
    assert np.delete(thirds(holes), 100).tolist() == thirds(values).tolist()


def test_a_wild_month_after_a_calm_year_is_called_wild(small_market):
    market = small_market(sessions=150)
    loud = pl.when(pl.col("session") >= market.sessions[120]).then(5.0).otherwise(1.0)
    bars = market.bars.with_columns(close=pl.col("prev_close") * (pl.col("close") / pl.col("prev_close")) ** loud)
    sessions, found = regimes(bars)
    assert sessions.to_list() == market.sessions
    assert found["market volatility"][149] == 2
    before = regimes(bars.filter(pl.col("session") < market.sessions[120]))[1]
    assert before["market volatility"].tolist() == found["market volatility"][:120].tolist()


def test_the_market_return_is_that_of_sixty_sessions(small_market):
    market = small_market(sessions=200)
    moved = (market.bars["close"] / market.bars["prev_close"] - 1).to_numpy().reshape(200, -1).mean(axis=1)
    summed = np.array([moved[t - 59 : t + 1].sum() for t in range(59, 200)])
    below = (summed[:-1] < summed[-1]).sum()
    assert regimes(market.bars)[1]["market return"][-1] == 3 * below // len(summed)
    assert summed[-1] == pytest.approx(moved[-60:].sum())
