"""Bars: the accepted daily bars, with VWAP, price limits and the flags that say what could be traded."""

import dataframely as dy
import polars as pl

from assets.cleaning.admission import HALF_A_CENT, PRICES, judged
from assets.cleaning.price_limits import limit_prices
from assets.table import table
from expectations.tables import Bars, Calendar, RawBars

NEW_LISTING_SESSIONS = 60


@table(look_back={"calendar": NEW_LISTING_SESSIONS})
def bars(raw_bars: dy.LazyFrame[RawBars], calendar: dy.LazyFrame[Calendar]) -> dy.LazyFrame[Bars]:
    """Accepted bars, one row per session and security; a suspended session has a row without prices, volume 0.

    Every raw row is either here or in `refused_bars`. VWAP is amount / volume. A name is locked when all its trades
    were at the limit; trades beyond a limit show that the session had none. A listing is new for 60 sessions; one whose
    date is unknown never counts as new.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    rows = judged(raw_bars.collect(), sessions)
    kept = rows.filter(pl.col("rule").is_null())
    since = _sessions_since_listing(kept, sessions)
    limited = limit_prices(kept.with_columns(since.alias("sessions_since_listing")))
    return Bars.cast(limited.lazy().pipe(_without_overrun_limits).pipe(_flagged).sort("session", "security_id"))


def _sessions_since_listing(rows: pl.DataFrame, sessions: pl.Series) -> pl.Series:
    """Sessions from the listing to each row, 0 on the first; a listing before the first session adds weekdays to it."""
    if rows.is_empty():
        return pl.Series(dtype=pl.Int64)
    listed = rows["listed_on"].fill_null(rows["session"])
    counted = sessions.search_sorted(rows["session"]).cast(pl.Int64) - sessions.search_sorted(listed).cast(pl.Int64)
    first = pl.lit(sessions[0])
    before = pl.select(pl.business_day_count(pl.min_horizontal(listed, first), first)).to_series()
    return pl.select(pl.when(rows["listed_on"].is_not_null()).then(counted + before)).to_series()


def _without_overrun_limits(rows: pl.LazyFrame) -> pl.LazyFrame:
    """A session with trades beyond its limits had none, such as the first one after a relisting."""
    overrun = (pl.col("high") > pl.col("limit_up") + HALF_A_CENT) | (pl.col("low") < pl.col("limit_down") - HALF_A_CENT)
    known = ~overrun.fill_null(False) | pl.col("is_suspended")
    return rows.with_columns(pl.when(known).then(pl.col(name)).alias(name) for name in ("limit_up", "limit_down"))


def _flagged(rows: pl.LazyFrame) -> pl.LazyFrame:
    suspended = pl.col("is_suspended")
    locked_up = pl.col("low") >= pl.col("limit_up") - HALF_A_CENT
    locked_down = pl.col("high") <= pl.col("limit_down") + HALF_A_CENT
    return rows.with_columns(
        *(pl.when(~suspended).then(pl.col(name)).alias(name) for name in PRICES),
        *(pl.when(suspended).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("volume", "amount")),
        vwap=pl.when(~suspended).then(pl.col("amount") / pl.col("volume")),
        is_locked_up=(~suspended & locked_up).fill_null(False),
        is_locked_down=(~suspended & locked_down).fill_null(False),
        is_new_listing=(pl.col("sessions_since_listing") < NEW_LISTING_SESSIONS).fill_null(False),
    )
