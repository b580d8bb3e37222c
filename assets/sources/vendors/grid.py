"""Grid: the sessions in which each security was listed, for vendors that have no row for a session without trade."""

from __future__ import annotations

from datetime import date

import polars as pl


def grid(sessions: pl.LazyFrame, listings: pl.LazyFrame, first: date, last: date) -> pl.LazyFrame:
    """One row per session from first to last and security that is listed in it.

    sessions  column `session`
    listings  columns `security_id`, `listed_on`, `delisted_on` (the first day without it; null while listed)
    returns   session, security_id, listed_on
    """
    pairs = sessions.filter(pl.col("session").is_between(first, last)).join(listings, how="cross")
    begun = (pl.col("listed_on") <= pl.col("session")).fill_null(True)
    ended = (pl.col("delisted_on") <= pl.col("session")).fill_null(False)
    return pairs.filter(begun & ~ended).select("session", "security_id", "listed_on")


def with_strays(listed: pl.LazyFrame, bars: pl.LazyFrame) -> pl.LazyFrame:
    """The grid with the bars of a vendor; a bar outside of it stays too, since to refuse it is for cleaning.

    listed  as `grid` gives it
    bars    `session`, `security_id` and what is told of them, one row each
    """
    rows = listed.join(bars, on=["session", "security_id"], how="full", coalesce=True)
    listed_on = pl.col("listed_on").fill_null(pl.col("listed_on").max().over("security_id"))
    return rows.with_columns(listed_on)
