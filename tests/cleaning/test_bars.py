from datetime import date

import polars as pl
from polars.testing import assert_frame_equal

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.refused_bars import refused_bars
from expectations.tables import Bars


def cleaned(raw: pl.DataFrame, sessions: pl.DataFrame | None = None) -> pl.DataFrame:
    known = calendar(raw.lazy()) if sessions is None else sessions.lazy()
    return Bars.validate(bars(raw.lazy(), known).collect())


def one(market: pl.DataFrame, session: date, **changes: object) -> dict[str, object]:
    """The bar of sh600001 in a session, after changes to its raw row."""
    here = (pl.col("security_id") == "sh600001") & (pl.col("session") == session)
    edits = {name: pl.when(here).then(pl.lit(value)).otherwise(pl.col(name)) for name, value in changes.items()}
    return cleaned(market.with_columns(**edits)).filter(here).row(0, named=True)


DAY = date(2014, 6, 3)


def test_the_market_is_kept_whole(market):
    assert cleaned(market).height == market.height
    assert (
        cleaned(market).select("session", "security_id").equals(market.select("session", "security_id").sort("session"))
    )


def test_vwap_is_amount_over_volume(market):
    assert one(market, DAY)["vwap"] == one(market, DAY)["amount"] / one(market, DAY)["volume"]


def test_a_suspended_row_has_no_prices_and_no_volume(market):
    halted = cleaned(market).filter("is_suspended")
    assert halted.height == 82
    assert halted.select("open", "high", "low", "close", "vwap").null_count().row(0) == (82,) * 5
    assert halted.select(pl.col("volume", "amount").sum()).row(0) == (0.0, 0.0)
    assert not halted.select(pl.col("is_locked_up", "is_locked_down").any()).row(0)[0]


def test_prices_of_a_suspended_session_are_dropped_even_if_the_source_repeats_the_last_close(market):
    for price in (9.0, 11.0):
        bar = one(market, DAY, **at_price(price) | {"is_suspended": True, "volume": 0.0, "amount": 0.0})
        assert (bar["close"], bar["vwap"], bar["is_locked_up"], bar["is_locked_down"]) == (None, None, False, False)


def at_price(price: float, **others: float) -> dict[str, float]:
    prices = dict.fromkeys(("open", "high", "low", "close"), price) | others
    return prices | {"volume": 100.0, "amount": 100.0 * prices["close"], "prev_close": 10.0}


def test_a_name_is_locked_when_every_trade_was_at_the_limit(market):
    up, down = one(market, DAY, **at_price(11.0)), one(market, DAY, **at_price(9.0))
    assert (up["limit_up"], up["limit_down"]) == (11.0, 9.0)
    assert (up["is_locked_up"], up["is_locked_down"]) == (True, False)
    assert (down["is_locked_up"], down["is_locked_down"]) == (False, True)


def test_a_name_that_also_traded_off_the_limit_is_not_locked(market):
    assert not one(market, DAY, **at_price(11.0, low=10.99))["is_locked_up"]
    assert not one(market, DAY, **at_price(9.0, high=9.01))["is_locked_down"]


def test_trades_beyond_a_limit_show_that_there_was_none(market):
    bar = one(market, DAY, **at_price(15.0, low=12.0))
    assert (bar["limit_up"], bar["limit_down"], bar["is_locked_up"]) == (None, None, False)


def test_special_treatment_halves_the_band(market):
    bar = one(market, DAY, **at_price(10.5), is_st=True)
    assert bar["is_locked_up"]
    assert bar["limit_down"] == 9.5


def new_until(raw: pl.DataFrame, listed: date | None, sessions: pl.DataFrame | None = None) -> pl.DataFrame:
    rows = raw.with_columns(listed_on=pl.lit(listed, dtype=pl.Date)).filter(pl.col("security_id") == "sh600001")
    return cleaned(rows, sessions).filter("is_new_listing")


def test_a_listing_is_new_for_sixty_sessions(market):
    listed = market["session"].unique().sort()[20]
    new = new_until(market.filter(pl.col("session") >= listed), listed, calendar(market.lazy()).collect())
    assert new.height == 60
    assert new["session"].min() == listed


def test_a_listing_before_the_first_session_counts_weekdays(market):
    assert new_until(market, date(2013, 12, 18)).height == 50
    assert new_until(market, date(2010, 1, 4)).is_empty()


def test_an_unknown_listing_date_is_never_new(market):
    assert new_until(market, None).is_empty()


def test_one_month_with_sixty_earlier_sessions_of_the_calendar_equals_the_whole(market):
    raw = market.with_columns(listed_on=pl.lit(date(2014, 3, 5)))
    sessions = calendar(market.lazy()).collect()
    whole = cleaned(raw, sessions)
    for month in (3, 5, 6, 12):
        first, last = date(2014, month, 1), date(2014, month, 31 if month != 6 else 30)
        start = max(sessions["session"].search_sorted(first) - 60, 0)
        given = sessions.slice(start).filter(pl.col("session") <= last)
        part = cleaned(raw.filter(pl.col("session").is_between(first, last)), given)
        assert_frame_equal(part, whole.filter(pl.col("session").is_between(first, last)))


def test_kept_and_refused_rows_are_all_the_rows(market):
    damaged = market.with_columns(
        high=pl.when(pl.col("session").dt.day() == 7).then(pl.col("low") - 1).otherwise(pl.col("high")),
        session=pl.when(pl.col("delivery") == f"sh600001 {DAY}").then(None).otherwise(pl.col("session")),
    )
    sessions = calendar(market.lazy())
    kept, refused = bars(damaged.lazy(), sessions).collect(), refused_bars(damaged.lazy(), sessions).collect()
    assert kept.height + refused.height == market.height
    assert refused.height > 20


def test_an_empty_month_gives_an_empty_table(market):
    assert cleaned(market.clear(), calendar(market.lazy()).collect()).is_empty()
