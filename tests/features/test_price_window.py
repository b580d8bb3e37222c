import math
from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.features.price_window import PriceWindow, last_known, price_window


@pytest.fixture(scope="module")
def cleaned(market):
    sessions = calendar(market.lazy()).collect()
    return bars(market.lazy(), sessions.lazy()).collect(), sessions


def computed(rows: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    return PriceWindow.validate(price_window(rows.lazy(), sessions.lazy()).collect())


def of(table: pl.DataFrame, security: str) -> pl.DataFrame:
    return table.filter(pl.col("security_id") == security)


def test_there_is_one_row_for_each_traded_bar(cleaned):
    traded = cleaned[0].filter(~pl.col("is_suspended"))
    assert computed(*cleaned).select("session", "security_id").equals(traded.select("session", "security_id"))


def test_ratios_are_to_the_close_of_the_same_session(cleaned):
    bar = of(cleaned[0], "sh600001").row(40, named=True)
    found = of(computed(*cleaned), "sh600001").row(40, named=True)
    for name in ("open", "high", "low", "vwap"):
        assert found[f"{name}_to_close"] == pytest.approx(math.log(bar[name] / bar["close"]), abs=1e-14)


def test_a_split_is_no_return(cleaned):
    rows = of(cleaned[0], "sh600002")
    at = rows.with_row_index().filter(pl.col("adj_factor") != pl.col("adj_factor").shift(1))["index"].item()
    bar, before = rows.row(at, named=True), rows.row(at - 1, named=True)
    found = of(computed(*cleaned), "sh600002").row(at, named=True)
    assert found["log_return"] == pytest.approx(math.log(2 * bar["close"] / before["close"]), abs=1e-14)
    assert abs(found["log_return"]) < 0.1


def test_the_return_spans_a_short_suspension_and_is_null_beyond_sixty_sessions(cleaned):
    short = of(computed(*cleaned), "sz000003").filter(pl.col("session") > of(cleaned[0], "sz000003")["session"][149])
    before, after = of(cleaned[0], "sz000003")["close"][149], of(cleaned[0], "sz000003")["close"][162]
    assert short["log_return"][0] is not None
    assert short["log_return"][0] == pytest.approx(math.log(after / before), abs=1e-14)
    assert of(computed(*cleaned), "sz000004")["log_return"].is_null().arg_true().to_list() == [0, 60]


def test_earlier_prices_of_a_window_are_sums_of_what_is_stored(cleaned):
    rows, found = of(cleaned[0], "sh600002"), of(computed(*cleaned), "sh600002")
    adjusted = rows.select(pl.col("open", "close") * pl.col("adj_factor"))
    at, last = 120, 150
    relative = found["open_to_close"][at] - found["log_return"][at + 1 : last + 1].sum()
    assert relative == pytest.approx(math.log(adjusted["open"][at] / adjusted["close"][last]), abs=1e-12)


def test_a_month_with_the_declared_look_back_equals_the_whole_to_the_bit(cleaned):
    rows, sessions = cleaned
    whole = computed(rows, sessions)
    declared = price_window.table.look_back
    assert declared == {"bars": 60, "calendar": 60}
    for month in range(1, 13):
        wanted = sessions["session"].filter(sessions["session"].dt.month() == month)
        start = max(sessions["session"].search_sorted(wanted[0]) - 60, 0)
        inside = pl.col("session").is_between(sessions["session"][start], wanted[-1])
        part = computed(rows.filter(inside), sessions.filter(inside)).filter(pl.col("session") >= wanted[0])
        expected = whole.filter(pl.col("session").is_between(wanted[0], wanted[-1]))
        assert_frame_equal(part, expected, check_exact=True)


def test_the_level_of_the_adjustment_does_not_matter(cleaned):
    rows, sessions = cleaned
    scaled = rows.with_columns(adj_factor=pl.col("adj_factor") * 37.3)
    assert_frame_equal(computed(scaled, sessions), computed(*cleaned), rel_tol=0, abs_tol=1e-12)


def test_later_rows_change_nothing(cleaned):
    rows, sessions = cleaned
    early = pl.col("session") <= date(2014, 7, 31)
    assert_frame_equal(
        computed(rows.filter(early), sessions.filter(early)), computed(*cleaned).filter(early), check_exact=True
    )


def test_no_bars_give_no_rows(cleaned):
    assert computed(cleaned[0].clear(), cleaned[1]).is_empty()
    assert computed(cleaned[0].clear(), cleaned[1].clear()).is_empty()


def test_the_last_known_value_is_forgotten_after_a_number_of_sessions():
    values = np.array([[1.0, np.nan, np.nan, np.nan, 5.0]])
    np.testing.assert_array_equal(last_known(values, 3), [[1.0, 1.0, 1.0, np.nan, 5.0]])
    np.testing.assert_array_equal(last_known(np.full((1, 2), np.nan), 3), [[np.nan, np.nan]])
