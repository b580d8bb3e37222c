"""Appearances: when a ticker comes up in the bars and when it is gone, from which its lives follow if it is reused."""

import dataframely as dy
import polars as pl

from assets.table import table
from expectations.cleaning_tables import Appearances
from expectations.tables import Calendar, RawBars
from expectations.tickers import reborn

GONE_AFTER = 60
UNRELATED = 1.5
LOOK_BACK = 2 * GONE_AFTER + 1
APPEARED, RELISTED, VANISHED = "appeared", "relisted", "vanished"


@table(look_back={"raw_bars": LOOK_BACK, "calendar": LOOK_BACK})
def appearances(raw_bars: dy.LazyFrame[RawBars], calendar: dy.LazyFrame[Calendar]) -> dy.LazyFrame[Appearances]:
    """One row where a ticker comes up after 60 sessions without a row, where it is listed anew, and where it is gone.

    It is gone, whatever follows, in the session in which its last row, suspended ones too, is 60 sessions old. It is
    listed anew where a row names a listing date after the row before it and that is at most 60 sessions old; after
    more it comes up. Rows that their source objects to, or that lie before their own listing, do not count.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    rows = _placed(raw_bars, sessions)
    found = pl.concat([_came(rows), _left(rows, sessions)])
    return Appearances.cast(found.lazy().sort("session", "ticker", "event"))


def lives(appearances: pl.DataFrame) -> pl.DataFrame:
    """The lives of tickers after their first: ticker, session from which each holds, and its own security_id.

    A ticker that is relisted begins another life. So does one that comes back after it was gone, if its listing date
    lies after its last row; where no listing date is known, if its reference price has no relation to the last close,
    neither as traded nor adjusted (a factor of 1.5). A price that is unknown tells nothing, and the life goes on.
    """
    gone = appearances.filter(pl.col("event") == VANISHED)
    known = ("ticker", "session", "close", "adj_factor", "last_session")
    came = appearances.filter(pl.col("event") != VANISHED).sort("session")
    back = came.drop("last_session").join_asof(
        gone.select(known).sort("session"), on="session", by="ticker", suffix="_gone", check_sortedness=False
    )
    listed_later = (pl.col("listed_on") > pl.col("last_session")).fill_null(False)
    apart = pl.col("close") / pl.col("close_gone")
    adjusted = apart * pl.col("adj_factor") / pl.col("adj_factor_gone")
    unrelated = [~ratio.is_between(1 / UNRELATED, UNRELATED) for ratio in (apart, adjusted)]
    other_price = pl.col("listed_on").is_null() & pl.all_horizontal(unrelated).fill_null(False)
    another = (pl.col("event") == RELISTED) | (
        pl.col("last_session").is_not_null() & pl.any_horizontal(listed_later, other_price)
    )
    named = reborn(pl.col("ticker"), pl.col("session"))
    return back.filter(another).select("ticker", "session", security_id=named).unique().sort("session", "ticker")


def _placed(raw_bars: pl.LazyFrame, sessions: pl.Series) -> pl.DataFrame:
    """Rows on the calendar with the place of their session, one for each ticker and session, by ticker in time order.

    `last_close` and `last_factor` are those of the last trade, at most 60 sessions old.
    """
    # A row before its own listing is refused; it must not begin another life.
    is_listed = (pl.col("listed_on") <= pl.col("session")).fill_null(True)
    believed = pl.col("source_objection").is_null() & pl.col("session").is_in(sessions.implode()) & is_listed
    columns = ("session", "listed_on", "close", "prev_close", "adj_factor")
    places = pl.DataFrame({"session": sessions}).with_row_index("place").with_columns(pl.col("place").cast(pl.Int64))
    rows = (
        raw_bars.filter(believed & pl.col("security_id").is_not_null())
        .select(pl.col("security_id").alias("ticker"), *columns)
        .collect()
        .unique(["ticker", "session"], keep="first", maintain_order=True)
        .join(places, on="session", how="left")
        .sort("ticker", "session")
    )
    priced = pl.col("close").is_finite() & pl.col("adj_factor").is_finite()
    told = [
        pl.when(priced).then(pl.col(name)).forward_fill().over("ticker") for name in ("close", "adj_factor", "place")
    ]
    close, factor, place = told
    fresh = pl.col("place") - place <= GONE_AFTER
    return rows.with_columns(last_close=pl.when(fresh).then(close), last_factor=pl.when(fresh).then(factor))


def _came(rows: pl.DataFrame) -> pl.DataFrame:
    before = pl.col("place").shift(1).over("ticker")
    moved_on = (pl.col("listed_on") > pl.col("session").shift(1).over("ticker")).fill_null(False)
    is_new = before.is_null() | (pl.col("place") - before > GONE_AFTER)
    # How old the row before one that comes up is may not matter: no look-back would be long enough.
    event = pl.when(is_new).then(pl.lit(APPEARED)).when(moved_on).then(pl.lit(RELISTED))
    nowhere = pl.lit(None, dtype=pl.Date)
    return (
        rows.with_columns(event=event)
        .drop_nulls("event")
        .select("session", "ticker", "event", "listed_on", "adj_factor", close="prev_close", last_session=nowhere)
        .select(Appearances.column_names())
    )


def _left(rows: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    after = pl.col("place").shift(-1).over("ticker")  # looks ahead: an event is dated when the gap was long enough
    gone_at = pl.col("place") + GONE_AFTER
    gone = rows.filter((after.is_null() | (after > gone_at)) & (gone_at < len(sessions)))
    return gone.select(
        "ticker",
        "listed_on",
        session=sessions.gather(gone["place"] + GONE_AFTER),
        event=pl.lit(VANISHED),
        close="last_close",
        adj_factor="last_factor",
        last_session="session",
    ).select(Appearances.column_names())
