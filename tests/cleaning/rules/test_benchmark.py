from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from assets.cleaning.rules.market import market_of
from expectations.facts import RawIndexBars

DAYS = pl.Series([date(2015, 1, 1) + timedelta(days=n) for n in range(300)])
SESSIONS = DAYS.filter(DAYS.dt.weekday() <= 5)
DAY = SESSIONS[80]
CLOSE = datetime(DAY.year, DAY.month, DAY.day, 16, tzinfo=ZoneInfo("Asia/Shanghai"))


def told(*rows: dict[str, object]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in RawIndexBars.columns().items()}
    sound = {"session": DAY, "prev_close": 100.0, "available_at": CLOSE}
    return pl.DataFrame([sound | row for row in rows], schema=schema)


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


def test_each_board_has_its_own_index_and_a_missing_one_is_replaced_by_the_mean_of_those_of_the_session(calm, seen):
    bars = calm()
    found = seen(bars, index_bars=told(
        {"index_id": "sh000002", "close": 101.0},
        {"index_id": "sz399102", "close": 98.0},
        {"index_id": "other", "close": 104.0},
    ))  # fmt: skip
    np.testing.assert_allclose([here(found, "sh600001"), here(found, "sz300006")], [0.01, -0.02])
    np.testing.assert_allclose(here(found, "sz000005"), 0.01)
    assert here(found, "sh600001", 81) == here(found, "sz000005", 81)
    np.testing.assert_allclose(here(found, "sh600001", 81), here(seen(bars), "sh600001", 81), rtol=1e-9)


def test_an_index_that_was_told_after_the_session_does_not_count(calm, seen):
    rows = [{"index_id": "sh000002", "close": 101.0}, {"index_id": "sz399102", "close": 98.0}]
    late = [row | {"available_at": CLOSE + timedelta(minutes=1)} for row in rows]
    found = seen(calm(), index_bars=told(late[0], rows[1]))
    np.testing.assert_allclose([here(found, "sh600001"), here(found, "sz300006")], [-0.02, -0.02])
    assert np.isnan(seen(calm(), index_bars=told(*late)).benchmark_ST[:, 80]).all()


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


def test_before_the_rule_of_a_board_names_an_index_there_is_none_of_its_own(calm, seen):
    early = calm().with_columns(pl.col("session", "available_at").dt.offset_by("-10y"))
    day = early["session"].unique().sort()[80]
    index = told({"index_id": "sh000002", "close": 101.0}).with_columns(session=pl.lit(day))
    index = index.with_columns(pl.col("available_at").dt.offset_by("-10y"))
    assert here(seen(early, index_bars=index), "sh600001") == here(seen(early, index_bars=index), "sz300006")


def test_an_index_without_a_close_before_it_does_not_count_and_a_wrong_one_is_refused(calm, seen):
    proxy = here(seen(calm()), "sh600001")
    for before, expected in ((None, np.nan), (0.0, proxy), (float("nan"), proxy)):
        found = seen(calm(), index_bars=told({"index_id": "sh000002", "close": 101.0, "prev_close": before}))
        np.testing.assert_array_equal(here(found, "sh600001"), expected)
