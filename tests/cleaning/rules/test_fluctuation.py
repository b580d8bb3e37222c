from datetime import date, time

import numpy as np
import polars as pl
import pytest

from assets.cleaning.rule_book import BOARDS
from assets.cleaning.rules.fluctuation import (
    ABNORMAL_FLUCTUATION,
    ABNORMAL_TURNOVER,
    REPEATED_FLUCTUATION,
    SEVERE_FLUCTUATION,
)
from assets.cleaning.rules.fluctuation_limits import limits, severe_since
from assets.cleaning.rules.market import market_of
from expectations.facts import RawFloatShares, RawIndexBars

NAME = "sh600003"


def flat_index(bars: pl.DataFrame, move: float = 0.0) -> pl.DataFrame:
    """The Shanghai index of A shares, which moves alike in every session."""
    days = bars["session"].unique().sort()
    rows = pl.DataFrame({"session": days, "index_id": "sh000002", "close": 100.0 * (1 + move), "prev_close": 100.0})
    closed = pl.col("session").dt.combine(time(16)).dt.replace_time_zone("Asia/Shanghai")
    return RawIndexBars.cast(rows.with_columns(amount=1.0, available_at=closed, delivery=pl.lit("x")))


def returned(*moves: float) -> dict[str, dict[int, float]]:
    return {NAME: {80 + place: move for place, move in enumerate(moves)}}


@pytest.mark.parametrize(
    ("moves", "marked"),
    [
        ((0.07, 0.07, 0.07, 0.0), [82]),
        ((0.09, 0.0, 0.09, 0.0), []),
        ((-0.09, -0.09, -0.09, 0.0, 0.0), [82]),
        ((0.1, 0.1, 0.0, 0.0), [81, 82]),
        ((0.09, 0.09, 0.0, 0.09), []),
    ],
)
def test_three_sessions_that_add_up_to_a_fifth_against_the_index_are_abnormal(calm, cells, moves, marked):
    bars = calm(returns=returned(*moves))
    assert cells(ABNORMAL_FLUCTUATION, bars, index_bars=flat_index(bars)).get(NAME, []) == marked


def test_the_move_of_the_index_does_not_count(calm, cells):
    bars = calm(returns=returned(0.09, 0.09, 0.09))
    assert NAME not in cells(ABNORMAL_FLUCTUATION, bars, index_bars=flat_index(bars, move=0.05))


def test_a_name_under_special_treatment_has_a_lower_limit(calm, cells):
    moves = returned(0.049, 0.049, 0.054, 0.0)
    bars = calm(returns=moves, st={NAME: range(160)})
    assert cells(ABNORMAL_FLUCTUATION, bars, index_bars=flat_index(bars))[NAME] == [82]
    assert NAME not in cells(ABNORMAL_FLUCTUATION, calm(returns=moves), index_bars=flat_index(bars))


def test_without_an_index_that_of_all_bars_stands_in_and_it_is_said(calm, rows):
    found = rows(ABNORMAL_FLUCTUATION, calm(returns=returned(0.1, 0.1, 0.1)))
    assert NAME in found["security_id"]
    assert "against the index of its board or what stands in for it" in found["reason"][0]


def test_a_session_without_limits_does_not_count(calm, cells):
    bars = calm(returns=returned(0.5))
    free = (pl.col("security_id") == NAME) & (pl.col("session") == bars["session"].unique().sort()[80])
    bars = bars.with_columns(pl.when(~free).then(pl.col(name)).alias(name) for name in ("limit_up", "limit_down"))
    assert NAME not in cells(ABNORMAL_FLUCTUATION, bars, index_bars=flat_index(bars))


def test_twice_the_price_in_ten_sessions_is_severe(calm, cells):
    bars = calm(returns=returned(*[0.1] * 8))
    marked = cells(SEVERE_FLUCTUATION, bars, index_bars=flat_index(bars))[NAME]
    assert marked[0] == 87
    # Two sessions later the first rise leaves the ten; 114% in thirty sessions are not severe.
    assert marked[-1] <= 91
    assert cells(SEVERE_FLUCTUATION, calm(returns=returned(*[0.1] * 7)), index_bars=flat_index(bars)) == {}


def test_three_times_the_price_in_thirty_sessions_is_severe(calm, cells):
    slow = [0.1, 0.0, 0.0] * 12
    bars = calm(returns=returned(*slow))
    assert cells(SEVERE_FLUCTUATION, bars, index_bars=flat_index(bars)) == {}
    quick = [0.1, 0.1, 0.0] * 8
    bars = calm(returns=returned(*quick))
    assert NAME in cells(SEVERE_FLUCTUATION, bars, index_bars=flat_index(bars))


def test_four_abnormal_rises_in_ten_sessions_are_severe_and_rises_and_falls_do_not_mix(calm, cells):
    bars = calm(returns=returned(*[0.102] * 8, 0.0))
    assert cells(REPEATED_FLUCTUATION, bars, index_bars=flat_index(bars))[NAME][0] == 87
    bars = calm(returns=returned(*[0.102, 0.102, -0.102, -0.102] * 2))
    assert cells(REPEATED_FLUCTUATION, bars, index_bars=flat_index(bars)) == {}


def shares(number: float) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in RawFloatShares.columns().items()}
    known = pl.datetime(2014, 1, 1, 9, time_zone="Asia/Shanghai")
    row = pl.DataFrame({"security_id": [NAME], "float_shares": [number]})
    row = row.with_columns(available_at=known, known_on=date(2014, 1, 1))
    return pl.concat([pl.DataFrame(schema=schema), row], how="diagonal_relaxed").cast(schema)


def test_turnover_counts_only_where_the_shares_are_known_and_many_of_them_change_hands(calm, cells):
    bars = calm(volumes={NAME: dict.fromkeys(range(80, 83), 60.0)})
    assert cells(ABNORMAL_TURNOVER, bars) == {}
    assert cells(ABNORMAL_TURNOVER, bars, float_shares=shares(4e8)) == {NAME: [81, 82]}
    assert cells(ABNORMAL_TURNOVER, bars, float_shares=shares(4e9)) == {}


@pytest.mark.parametrize(
    ("board", "plain", "treated"),
    [
        ("chinext", [0.2, 0.3, 0.3], [0.15, 0.3, 0.3]),
        ("main", [0.2, 0.2, 0.2], [0.15, 0.15, 0.2]),
        ("bse", [np.nan, np.nan, 0.4], [np.nan, np.nan, 0.4]),
    ],
)
def test_the_limit_of_a_cell_is_the_last_that_has_begun_for_its_board(board, plain, treated):
    days = [date(2020, 8, 21), date(2020, 8, 24), date(2026, 7, 6)]
    is_st = np.array([[False] * 3, [True] * 3, [False] * 3])
    boards = np.full((3, 3), BOARDS.index(board), dtype=np.int8)
    boards[2] = -1
    found = limits("deviation_3d_high", boards, is_st, days)
    np.testing.assert_array_equal(found, [plain, treated, [np.nan] * 3])
    np.testing.assert_array_equal(limits("deviation_3d_low", boards, is_st, days), -found)


def test_severe_limits_hold_for_sessions_before_the_exchanges_had_them():
    boards = np.array([[0], [1], [2], [3]], dtype=np.int8)
    found = limits("same_direction_10d", boards, np.zeros((4, 1), dtype=bool), [date(2012, 1, 4)])
    assert found[:, 0].tolist() == [4, 3, 3, 3]
    for column, limit in (("deviation_10d_low", -0.5), ("deviation_10d_high", 1.0), ("deviation_30d_high", 2.0)):
        assert limits(column, boards, np.ones((4, 1), dtype=bool), [date(2000, 1, 4)])[:, 0].tolist() == [limit] * 4
    assert (
        limits("deviation_3d_high", boards, np.zeros((4, 1), dtype=bool), [date(2000, 1, 4)]).tolist()
        == [[pytest.approx(np.nan, nan_ok=True)]] * 4
    )


def test_severe_limits_begin_by_board():
    assert severe_since() == {
        "main": date(2023, 4, 10), "chinext": date(2020, 8, 24), "star": date(2019, 7, 22), "bse": date(2021, 11, 15),
    }  # fmt: skip


def test_a_proxy_of_the_float_shares_is_no_report(calm, facts_of):
    bars = calm(volumes={NAME: dict.fromkeys(range(80, 83), 60.0)})
    days = bars["session"].unique().sort()
    indices, _, news = facts_of(bars)
    told = shares(4e8).select(
        "security_id", "float_shares", "available_at", "known_on", "total_shares", origin=pl.lit("reported")
    )
    for origin, marked in (("reported", 2), ("proxy", 0)):
        market = market_of(bars, days, indices, told.with_columns(origin=pl.lit(origin)), news)
        assert ABNORMAL_TURNOVER.find(market).where_ST.sum() == marked


@pytest.mark.parametrize(("hour", "known_from"), [(16, 82), (17, 83)])
def test_shares_reported_after_a_bar_was_known_do_not_count_for_it(calm, seen, hour, known_from):
    bars = calm()
    day = bars["session"].unique().sort()[82]
    known = pl.lit(day).dt.combine(time(hour)).dt.replace_time_zone("Asia/Shanghai")
    late = shares(4e8).with_columns(available_at=known, known_on=pl.lit(day))
    found = seen(bars, float_shares=late)
    row_T = found.float_ST[found.grid.securities.index(NAME)]
    assert np.flatnonzero(np.isfinite(row_T)).tolist() == list(range(known_from, 160))
