from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from assets.cleaning.appearances import LOOK_BACK, appearances, lives
from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from expectations.cleaning_tables import Appearances
from expectations.tickers import ticker

NAME = "sh600001"


def reborn(market: pl.DataFrame, gap: int, scale: float = 1.0, listed: bool | None = None) -> pl.DataFrame:
    """The name is away for `gap` sessions from the 100th on and comes back at other prices, with or without a date."""
    days = market["session"].unique().sort()
    gone, back = days[100], days[100 + gap]
    mine = pl.col("security_id") == NAME
    later = mine & (pl.col("session") >= back)
    rows = market.filter(~(mine & pl.col("session").is_between(gone, back, closed="left")))
    listed_on = pl.lit(None, dtype=pl.Date) if listed is None else pl.lit(back if listed else date(2010, 1, 4))
    prices = ("open", "high", "low", "close", "prev_close", "amount")
    return rows.with_columns(
        *(pl.when(later).then(pl.col(name) * scale).otherwise(pl.col(name)).alias(name) for name in prices),
        listed_on=pl.when(later).then(listed_on).when(mine & (listed is None)).then(None).otherwise("listed_on"),
    )


def found(rows: pl.DataFrame) -> pl.DataFrame:
    return Appearances.validate(appearances(rows.lazy(), calendar(rows.lazy())).collect())


def begun(rows: pl.DataFrame) -> list[tuple[str, date]]:
    return lives(found(rows)).select("ticker", "session").rows()


def test_every_ticker_appears_once_and_a_delisted_one_is_gone_sixty_sessions_after_its_last_row(market):
    events = found(market)
    assert events.filter(event="appeared").height == 5
    gone = events.filter(event="vanished").row(0, named=True)
    days = market["session"].unique().sort()
    assert (gone["ticker"], gone["session"], gone["last_session"]) == ("sz300005", days[259], days[199])
    assert lives(events).is_empty()


@pytest.mark.parametrize(
    ("gap", "scale", "listed", "is_another"),
    [
        (80, 1.0, True, True),
        (140, 1.0, True, True),
        (80, 5.0, False, False),
        (80, 5.0, None, True),
        (80, 1.2, None, False),
        (80, 0.2, None, True),
        (20, 5.0, None, False),
        (20, 1.0, True, True),
    ],
)
def test_a_ticker_is_reused_by_its_listing_date_or_by_a_price_without_relation(market, gap, scale, listed, is_another):
    rows = reborn(market, gap, scale, listed)
    back = market["session"].unique().sort()[100 + gap]
    assert begun(rows) == ([(NAME, back)] if is_another else [])


def test_bars_of_the_second_life_bear_its_date_and_those_before_do_not(market):
    rows = reborn(market, 80, listed=True)
    days = calendar(rows.lazy())
    kept = bars(rows.lazy(), days, appearances(rows.lazy(), days)).collect()
    back = market["session"].unique().sort()[180]
    second = kept.filter(pl.col("security_id") == f"{NAME}@{back}")
    assert second["session"].min() == back
    assert second.height + kept.filter(security_id=NAME).height == rows.filter(security_id=NAME).height
    assert kept.filter(security_id=NAME)["session"].max() < back
    assert second.select(ticker(pl.col("security_id"))).unique().item() == NAME
    assert second["is_new_listing"].head(60).all()


@pytest.mark.parametrize(
    ("gap", "listed", "cut"), [(80, False, 159), (80, False, 180), (80, True, 180), (80, False, 259), (140, True, 240)]
)
def test_what_follows_a_session_and_what_lies_beyond_the_look_back_change_nothing(market, gap, listed, cut):
    rows = reborn(market, gap, 5.0, listed)
    days = calendar(rows.lazy()).collect()
    day = days["session"][cut]
    whole = found(rows).filter(pl.col("session") == day)
    window = days.slice(max(cut - LOOK_BACK, 0), min(cut, LOOK_BACK) + 1)
    part = rows.filter(pl.col("session").is_in(window["session"].implode()))
    assert_frame_equal(appearances(part.lazy(), window.lazy()).collect().filter(pl.col("session") == day), whole)


def test_an_empty_month_has_no_events(market):
    assert appearances(market.clear().lazy(), calendar(market.lazy())).collect().is_empty()


def test_a_listing_date_that_lies_ahead_begins_no_life(market):
    wrong = market["session"].unique().sort()[40]
    ahead = pl.when(pl.col("session") == wrong).then(pl.lit(date(2099, 1, 4))).otherwise("listed_on")
    assert begun(market.with_columns(listed_on=ahead)) == begun(market)
