"""Price limits: the highest and the lowest price that a session allows, in whole cents, by the rule book of its day.

A limit is prev_close * (1 +- band), rounded half up to a cent and computed in integers: a float would put
2.55 * 0.9 at 2.29 where the exchange says 2.30. Where the rule of the exchange says so, a limit lies at least one tick
away from prev_close.
"""

from __future__ import annotations

import polars as pl

from assets.cleaning.rule_book import exchange, look_up


def limit_prices(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `limit_up` and `limit_down`: yuan, null where the session has no limit or it is not known.

    frame    columns session, security_id, board, is_st, listed_on, sessions_since_listing (0 on the first session),
             prev_close (yuan, taken as whole cents; on the first session the issue price) and, where it is known,
             sessions_into_delisting (0 on the first session of the delisting period, null outside it) and is_unreformed
             (share reform not done, S in the name); listed_on, sessions_since_listing and prev_close may be null
    returns  the same rows in their order
    source   SSE trading rules of 2026, art. 3.3.13 and 3.3.17; the rows of the rule book name those before
    """
    ruled = look_up(_in_phases(frame), "price_band", "one_tick_floor", "one_tick_floor_up_to")
    cents = (pl.col("prev_close") * 100).round().cast(pl.Int64)
    up, down = (_half_up(cents * (100 + pl.col(f"price_band_{side}"))) for side in ("high", "low"))
    ticks = pl.col("one_tick_floor").fill_null(_small(cents).cast(pl.Int64))
    highest, lowest = pl.max_horizontal(up, cents + ticks), pl.min_horizontal(down, cents - ticks)
    limited = pl.col("price_band_high").is_not_null()
    return ruled.with_columns(
        limit_up=pl.when(limited).then(_yuan(highest)),
        limit_down=pl.when(limited).then(_yuan(lowest)),
    ).select(*frame.columns, "limit_up", "limit_down")


def _in_phases(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with its exchange and the phase of each row."""
    into_delisting = _known(frame, "sessions_into_delisting", pl.Int64)
    phase = (
        pl.when(into_delisting == 0)
        .then(pl.lit("delisting_first"))
        .when(into_delisting > 0)
        .then(pl.lit("delisting"))
        .when(pl.col("sessions_since_listing").is_between(0, pl.col("listing_sessions") - 1))
        .then(pl.lit("listing"))
        .when(_known(frame, "is_unreformed", pl.Boolean))
        .then(pl.lit("unreformed"))
        .otherwise(pl.lit("ordinary"))
    )
    placed = look_up(frame.with_columns(exchange=exchange()), "listing_sessions", dated_by="listed_on")
    return placed.with_columns(phase=phase)


def _known(frame: pl.DataFrame, name: str, kind: type[pl.DataType]) -> pl.Expr:
    """A column that a source may lack; null then."""
    return pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, dtype=kind)


def _small(cents: pl.Expr) -> pl.Expr:
    """Whether prev_close is so low that a board of its own asks for a tick."""
    return (cents <= (pl.col("one_tick_floor_up_to") * 100).round()).fill_null(False)


def _half_up(hundredths: pl.Expr) -> pl.Expr:
    """Whole cents of hundredths of a cent, halves up."""
    return (hundredths + 50) // 100


def _yuan(cents: pl.Expr) -> pl.Expr:
    # Polars divides by a constant through its reciprocal; rounding restores the nearest number to a whole cent.
    return (cents / 100).round(2)
