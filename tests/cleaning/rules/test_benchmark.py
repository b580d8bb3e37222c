import numpy as np
import polars as pl

from assets.cleaning.marks import market
from assets.cleaning.rules.benchmark import WEIGHED_OVER
from expectations.facts import RawFloatShares, RawIndexBars, RawNews


def seen(bars: pl.DataFrame, index_bars: pl.DataFrame | None = None):
    days = bars["session"].unique().sort()
    told = RawIndexBars.create_empty() if index_bars is None else index_bars
    return market(bars, days, told, RawFloatShares.create_empty(), RawNews.create_empty())


def test_without_an_index_it_is_the_mean_weighted_by_the_amounts_of_the_sessions_before(calm):
    found = seen(calm())
    amount, moves = found.numbers["amount"], found.returns
    weight = amount[:, 80 - WEIGHED_OVER : 80].mean(axis=1)
    expected = (weight * moves[:, 80]).sum() / weight.sum()
    np.testing.assert_allclose(found.benchmark.return_ST[:, 80], expected, rtol=1e-12)
    assert found.benchmark.name == "the amount-weighted mean of the bars"


def test_what_is_traded_much_today_does_not_count_for_more_today(calm):
    quiet, busy = seen(calm()), seen(calm(volumes={"sh600001": {80: 1000.0}}))
    assert quiet.benchmark.return_ST[0, 80] == busy.benchmark.return_ST[0, 80]
    assert quiet.benchmark.return_ST[0, 81] != busy.benchmark.return_ST[0, 81]


def test_each_board_has_its_own_index_and_a_missing_one_is_replaced(calm):
    bars = calm()
    day = bars["session"].unique().sort()[80]
    rows = [
        {"session": day, "index_id": "sh000002", "close": 101.0, "prev_close": 100.0},
        {"session": day, "index_id": "sz399102", "close": 98.0, "prev_close": 100.0},
        {"session": day, "index_id": "other", "close": 150.0, "prev_close": 100.0},
    ]
    schema = {name: column.dtype for name, column in RawIndexBars.columns().items()}
    found = seen(bars, pl.DataFrame(rows, schema=schema)).benchmark
    here = dict(zip(sorted(bars["security_id"].unique()), found.return_ST[:, 80], strict=True))
    np.testing.assert_allclose([here["sh600001"], here["sz300006"]], [0.01, -0.02])
    assert here["sz000005"] == seen(bars).benchmark.return_ST[4, 80]
    assert found.return_ST[0, 81] == seen(bars).benchmark.return_ST[0, 81]
    assert "index of its board" in found.name


def test_another_name_without_trading_changes_nothing_to_the_bit(calm):
    bars = calm()
    gone = bars.filter(pl.col("security_id") == "sh600001").with_columns(
        security_id=pl.lit("sh600000"), close=None, volume=0.0, amount=0.0, is_suspended=True
    )
    more = seen(pl.concat([bars, gone], how="vertical_relaxed")).benchmark.return_ST
    np.testing.assert_array_equal(more[1:], seen(bars).benchmark.return_ST)
