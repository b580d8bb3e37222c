from datetime import date

import polars as pl

from assets.cleaning.calendar import calendar
from assets.cleaning.refused_bars import refused_bars
from expectations.tables import RefusedBars


def refused(raw: pl.DataFrame, sessions: pl.DataFrame) -> pl.DataFrame:
    return RefusedBars.validate(refused_bars(raw.lazy(), sessions.lazy()).collect())


def test_a_sound_market_has_no_refused_rows(market):
    assert refused(market, calendar(market.lazy()).collect()).is_empty()


def test_a_refused_row_keeps_what_was_delivered_beside_the_reason(market):
    day = date(2014, 6, 3)
    wrong = (pl.col("session") == day) & (pl.col("security_id") == "sh600001")
    raw = market.with_columns(high=pl.when(wrong).then(1.0).otherwise(pl.col("high")))
    found = refused(raw, calendar(market.lazy()).collect()).row(0, named=True)
    assert (found["session"], found["security_id"], found["delivery"]) == (day, "sh600001", f"sh600001 {day}")
    assert found["rule"] == "high_below_low"
    assert found["high"] == 1.0
    assert "high 1.0 is below low" in found["reason"]


def test_a_row_on_a_holiday_is_refused(market):
    sunday = market.head(1).with_columns(session=pl.lit(date(2014, 6, 1)))
    raw = pl.concat([market, sunday])
    assert refused(raw, calendar(raw.lazy()).collect())["rule"].to_list() == ["not_a_session"]


def test_a_row_without_a_key_is_kept_in_sight(market):
    raw = market.head(3).with_columns(session=pl.lit(None, dtype=pl.Date))
    assert refused(raw, calendar(market.lazy()).collect())["rule"].to_list() == ["missing_key"] * 3
