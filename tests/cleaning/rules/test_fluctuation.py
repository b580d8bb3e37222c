from datetime import date

import numpy as np
import polars as pl
import pytest

from assets.cleaning.rules.fluctuation import (
    ABNORMAL_FLUCTUATION,
    ABNORMAL_TURNOVER,
    REPEATED_FLUCTUATION,
    SEVERE_FLUCTUATION,
)
from assets.cleaning.rules.fluctuation_limits import BOARDS, LIMITS, limits
from expectations.facts import RawFloatShares, RawIndexBars

NAME = "sh600003"


def flat_index(bars: pl.DataFrame, move: float = 0.0) -> pl.DataFrame:
    """The Shanghai index of A shares, which moves alike in every session."""
    days = bars["session"].unique().sort()
    rows = pl.DataFrame({"session": days, "index_id": "sh000002", "close": 100.0 * (1 + move), "prev_close": 100.0})
    return RawIndexBars.cast(rows.with_columns(amount=1.0, available_at=None, delivery=pl.lit("x")))


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


def test_without_an_index_the_mean_of_the_bars_stands_in_and_says_so(calm, rows):
    found = rows(ABNORMAL_FLUCTUATION, calm(returns=returned(0.1, 0.1, 0.1)))
    assert NAME in found["security_id"]
    assert "amount-weighted mean of the bars" in found["reason"][0]


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
    row = pl.DataFrame({"security_id": [NAME], "float_shares": [number]}).with_columns(available_at=known)
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
    boards = np.array([[0], [1], [3]], dtype=np.int8)
    found = limits("same_direction_10d", boards, np.zeros((3, 1), dtype=bool), [date(2012, 1, 4)])
    assert found[:, 0].tolist() == [4, 3, 3]


def test_every_limit_has_a_source_and_no_two_hold_from_one_day():
    assert all(limit.source for limit in LIMITS)
    assert len({limit[:3] for limit in LIMITS}) == len(LIMITS)
