"""Changes: the rules that rewrite cells; the rows stay, and the ledger keeps what stood there before."""

from __future__ import annotations

import polars as pl

from assets.cleaning.rules.refusals import HALF_A_CENT, NUMBERS, PRICES
from assets.cleaning.rules.rule import Change


def not_finite(rows: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """NaN and infinity are no numbers: they count as missing."""
    return rows.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in NUMBERS)


def reused_ticker(rows: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """A ticker that is used again is another security: from then on it bears the date of its new life.

    lives  ticker, session (first of the life), security_id; only lives after a ticker's first one. A row belongs to
           the last life that began by its session, so that no window ever joins two.
    """
    if lives.is_empty() or rows.is_empty():
        return rows
    placed = rows.with_row_index("_row").select("_row", "session", ticker="security_id").drop_nulls().sort("session")
    begun = lives.select("ticker", "session", "security_id").sort("session")
    named = placed.join_asof(begun, on="session", by="ticker", check_sortedness=False).select("_row", "security_id")
    found = rows.with_row_index("_row").join(named, on="_row", how="left", maintain_order="left", suffix="_new")
    return found.with_columns(security_id=pl.coalesce("security_id_new", "security_id")).drop("_row", "security_id_new")


def overrun_limit(rows: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """A session with trades beyond its limits had none, such as the first one after a relisting."""
    overrun = (pl.col("high") > pl.col("limit_up") + HALF_A_CENT) | (pl.col("low") < pl.col("limit_down") - HALF_A_CENT)
    known = ~overrun.fill_null(False) | pl.col("is_suspended").fill_null(False)
    return rows.with_columns(pl.when(known).then(pl.col(name)).alias(name) for name in ("limit_up", "limit_down"))


def suspended_prices(rows: pl.DataFrame, lives: pl.DataFrame) -> pl.DataFrame:
    """A suspended session has no prices, whatever the source repeats, and nothing was traded in it."""
    suspended = pl.col("is_suspended").fill_null(False)
    return rows.with_columns(
        *(pl.when(~suspended).then(pl.col(name)).alias(name) for name in PRICES),
        *(pl.when(suspended).then(0.0).otherwise(pl.col(name)).alias(name) for name in ("volume", "amount")),
    )


VERSION = "2026-11-22"
NOT_FINITE = Change("not_finite", NUMBERS, not_finite, "not a finite number: it counts as missing", VERSION)
REUSED_TICKER = Change(
    "reused_ticker", ("security_id",), reused_ticker, "the ticker was used before by another security", VERSION
)
OVERRUN_LIMIT = Change(
    "overrun_limit",
    ("limit_up", "limit_down"),
    overrun_limit,
    "trades beyond the limit show that the session had none",
    VERSION,
)
SUSPENDED_PRICES = Change(
    "suspended_prices",
    (*PRICES, "volume", "amount"),
    suspended_prices,
    "suspended: it has no prices and no volume",
    VERSION,
)
