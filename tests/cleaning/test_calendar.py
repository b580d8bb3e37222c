from datetime import date

import polars as pl
from polars.testing import assert_frame_equal

from assets.cleaning.calendar import calendar
from expectations.tables import Calendar


def sessions_of(raw: pl.DataFrame) -> pl.DataFrame:
    return Calendar.validate(calendar(raw.lazy()).collect())


def rows(counts: dict[date, int], **columns: object) -> pl.DataFrame:
    found = [(day, f"sh{600000 + n}") for day, count in counts.items() for n in range(count)]
    frame = pl.DataFrame(found, schema={"session": pl.Date, "security_id": pl.String}, orient="row")
    return frame.with_columns(is_suspended=pl.lit(False), volume=pl.lit(100.0)).with_columns(**columns)


def test_a_stray_row_on_a_holiday_makes_no_session():
    raw = rows({date(2015, 9, 28): 10, date(2015, 9, 29): 10, date(2015, 9, 30): 9, date(2015, 10, 3): 1})
    assert sessions_of(raw)["session"].to_list() == [date(2015, 9, 28), date(2015, 9, 29), date(2015, 9, 30)]
    assert sessions_of(raw)["securities_traded"].to_list() == [10, 10, 9]


def test_later_dates_change_no_earlier_one():
    before = rows({date(2015, 9, 28): 2, date(2015, 9, 29): 2})
    crowd = rows({date(2015, 10, day): 40 for day in range(8, 30)})
    assert sessions_of(pl.concat([before, crowd])).head(2).equals(sessions_of(before))


def test_a_fifth_of_the_median_is_enough():
    raw = rows({date(2015, 9, 28): 10, date(2015, 9, 29): 10, date(2015, 9, 30): 2})
    assert date(2015, 9, 30) in sessions_of(raw)["session"].to_list()


def test_a_date_without_a_trade_is_no_session():
    raw = rows({date(2015, 9, 28): 3}, is_suspended=pl.lit(True))
    assert sessions_of(raw).is_empty()
    assert sessions_of(rows({date(2015, 9, 28): 3}, volume=pl.lit(0.0))).is_empty()


def test_a_row_delivered_twice_counts_once():
    once = rows({date(2015, 9, 28): 3})
    assert sessions_of(pl.concat([once, once]))["securities_traded"].to_list() == [3]


def test_rows_without_a_date_are_left_alone():
    raw = rows({date(2015, 9, 28): 3})
    lost = raw.with_columns(session=pl.lit(None, dtype=pl.Date))
    assert_frame_equal(sessions_of(pl.concat([raw, lost])), sessions_of(raw))


def test_a_market_that_grows_keeps_its_early_sessions():
    raw = rows({date(2015, 9, 28): 2, date(2015, 9, 29): 2, date(2015, 10, 8): 40, date(2015, 10, 9): 40})
    raw = pl.concat([raw, rows({date(2015, 10, day): 40 for day in range(12, 17)})])
    assert sessions_of(raw)["session"].head(2).to_list() == [date(2015, 9, 28), date(2015, 9, 29)]


def test_months_taken_one_by_one_give_the_same_as_the_whole(market):
    months = market["session"].dt.month()
    parts = [sessions_of(market.filter(months == month)) for month in range(1, 13)]
    assert_frame_equal(pl.concat(parts), sessions_of(market))
