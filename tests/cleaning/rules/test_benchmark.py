from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from assets.cleaning.rules.market import market_of
from expectations.fact_tables import IndexBars

DAYS = pl.Series([date(2015, 1, 1) + timedelta(days=n) for n in range(300)])
SESSIONS = DAYS.filter(DAYS.dt.weekday() <= 5)
DAY = SESSIONS[80]
CLOSE = datetime(DAY.year, DAY.month, DAY.day, 16, tzinfo=ZoneInfo("Asia/Shanghai"))


def indices_of(bars: pl.DataFrame, facts_of, *told: dict[str, object]) -> pl.DataFrame:
    """The index of all bars on every session but DAY, and what is told of DAY."""
    sound = {"session": DAY, "prev_close": 100.0, "available_at": CLOSE, "origin": "reported", "weighted_by": "source"}
    schema = {name: column.dtype for name, column in IndexBars.columns().items()}
    rows = pl.DataFrame([sound | row for row in told], schema=schema)
    return pl.concat([facts_of(bars)[0].filter(pl.col("session") != DAY), rows])


def seen_with(bars: pl.DataFrame, facts_of, *told: dict[str, object]):
    _, shares, news = facts_of(bars)
    return market_of(bars, bars["session"].unique().sort(), indices_of(bars, facts_of, *told), shares, news)


def here(market, name: str, place: int = 80) -> float:
    return market.benchmark_ST[market.grid.securities.index(name), place]


def test_without_an_index_it_is_the_index_of_all_bars(calm, seen, facts_of):
    bars = calm()
    found = seen(bars)
    proxy = facts_of(bars)[0].filter(session=DAY).row(0, named=True)
    assert proxy["origin"] == "proxy"
    np.testing.assert_array_equal(found.benchmark_ST[:, 80], proxy["close"] / proxy["prev_close"] - 1)
    # Before anything is known of the size of a name there is no such index.
    assert np.isnan(found.benchmark_ST[:, :20]).all()


def test_each_board_has_its_own_index_and_a_missing_one_is_replaced_by_the_mean_of_those_of_the_session(
    calm, facts_of, seen
):
    bars = calm()
    found = seen_with(
        bars,
        facts_of,
        {"index_id": "sh000002", "close": 101.0},
        {"index_id": "sz399102", "close": 98.0},
        {"index_id": "other", "close": 104.0},
    )
    np.testing.assert_allclose([here(found, "sh600001"), here(found, "sz300006")], [0.01, -0.02])
    np.testing.assert_allclose(here(found, "sz000005"), 0.01)
    np.testing.assert_array_equal(found.benchmark_ST[:, 81], seen(bars).benchmark_ST[:, 81])


def test_an_index_that_was_told_after_the_session_does_not_count(calm, facts_of):
    bars, late = calm(), CLOSE + timedelta(minutes=1)
    rows = [{"index_id": "sh000002", "close": 101.0}, {"index_id": "sz399102", "close": 98.0}]
    found = seen_with(bars, facts_of, rows[0] | {"available_at": late}, rows[1])
    np.testing.assert_allclose([here(found, "sh600001"), here(found, "sz300006")], [-0.02, -0.02])
    found = seen_with(bars, facts_of, *(row | {"available_at": late} for row in rows))
    assert np.isnan(found.benchmark_ST[:, 80]).all()


def test_a_proxy_in_the_session_comes_before_the_mean_of_other_indices(calm, facts_of):
    bars = calm()
    indices, *others = facts_of(bars)
    more = indices.filter(session=DAY).with_columns(
        index_id=pl.lit("other"), origin=pl.lit("reported"), close=pl.lit(150.0), prev_close=pl.lit(100.0)
    )
    days = bars["session"].unique().sort()
    alone = market_of(bars, days, indices, *others)
    with_other = market_of(bars, days, pl.concat([more, indices]), *others)
    np.testing.assert_array_equal(with_other.benchmark_ST, alone.benchmark_ST)


def test_before_the_rule_of_a_board_names_an_index_it_has_none_of_its_own(calm, facts_of):
    early = calm().with_columns(pl.col("session", "available_at").dt.offset_by("-10y"))
    day = early["session"].unique().sort()[80]
    row = {"session": day, "index_id": "sh000002", "close": 101.0, "available_at": CLOSE.replace(year=2004)}
    proxy = here(seen_with(early, facts_of), "sh600001")
    found = seen_with(early, facts_of, row)
    assert here(found, "sh600001") == proxy != pytest.approx(0.01)


@pytest.mark.parametrize("wrong", [{"prev_close": None}, {"prev_close": 0.0}, {"close": float("nan")}])
def test_an_index_without_a_close_before_it_or_with_a_wrong_one_does_not_count(calm, facts_of, wrong):
    found = seen_with(calm(), facts_of, {"index_id": "sh000002", "close": 101.0} | wrong)
    assert np.isnan(found.benchmark_ST[:, 80]).all()
