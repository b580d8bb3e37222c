"""Signals: the list of one session, for the orders of the next: what to buy and to sell, why, and what was left out.

The orders are those that the backtest would place: the same executor trades all that was forecast, up to a session
that has not been, in which every name stands as it closed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, timedelta
from typing import ClassVar

import dataframely as dy
import polars as pl

from assets.evaluation.ensemble import ensemble
from assets.evaluation.information import seed_averaged
from assets.evaluation.portfolio import placed
from assets.evaluation.trading import TradingSpec
from expectations.tables import Table, instant

NO_ORDER = "none"
COMPLETE = 0.9
"""Share of the names of the session before whose bars must be there: before that, the rest is still to come."""
REASONS = 3
UNCERTAINTY = ("noise_scale", "probability", "probability_std")


class Signals(Table):
    """The newest list: every name of the session, ranked, with its order for the next session and its reasons.

    Made by the champion of each horizon from what was known after the session. It is issued once, as files of its own
    that are never written again; this table is what would be issued now.
    """

    asset_key: ClassVar[str] = "serving/signals"

    session = dy.Date(primary_key=True, metadata={"definition": "decided after it; the orders are for the next one"})
    horizon = dy.Int64(primary_key=True, metadata={"unit": "sessions"})
    security_id = dy.String(primary_key=True)
    side = dy.String(primary_key=True, metadata={"definition": "buy, sell or none"})
    experiment = dy.String(metadata={"definition": "the champion, whose list it is"})
    fold = dy.String(metadata={"definition": "calendar start of the test window whose models forecast"})
    rank = dy.Int64(nullable=True, min=1, metadata={"definition": "1 is the best; null where nothing was forecast"})
    forecast = dy.Float64(
        nullable=True, metadata={"definition": "mean over the seeds of the rank in the session, -1/2 to 1/2"}
    )
    seed_std = dy.Float64(
        nullable=True, metadata={"definition": "standard deviation of that rank between the seeds; null for one seed"}
    )
    noise_scale = dy.Float64(nullable=True, metadata={"definition": "standard deviation of the return, where stated"})
    probability = dy.Float64(nullable=True, metadata={"definition": "of a return above 0, where stated"})
    probability_std = dy.Float64(nullable=True, metadata={"definition": "how unsure that probability is, where stated"})
    shares = dy.Float64(min=0, metadata={"unit": "shares", "definition": "to order, in the lots of the board"})
    value = dy.Float64(nullable=True, min=0, metadata={"unit": "yuan", "definition": "shares at the last close"})
    reasons = dy.String(
        nullable=True,
        metadata={
            "definition": "of what is bought: the inputs that moved its forecast most, each with the change of the "
            "first seed's forecast against the same session with that input unknown"
        },
    )
    left_out_because = dy.String(nullable=True, metadata={"definition": "why the name may not be chosen"})
    decided_at = instant("the list uses nothing that was available later")


def arrived(bars: pl.LazyFrame) -> list[date]:
    """The sessions whose bars have arrived, ascending: those of most names that had bars in the session before."""
    counts = bars.group_by("session").agg(pl.len().alias("names")).sort("session").collect()
    enough = pl.col("names") >= COMPLETE * pl.col("names").shift(1).fill_null(0)
    return counts.filter(enough)["session"].to_list()


def orders_after(
    session: date, told: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame, spec: TradingSpec
) -> pl.DataFrame:
    """Orders for the session that follows: security_id, side, shares, value (at the last close).

    told      what was forecast up to the session, as `portfolio.simulate` takes it
    bars, universe  rows up to the session; later ones are not looked at
    raises    as `portfolio.simulate`
    """
    known, members = bars.filter(pl.col("session") <= session), universe.filter(pl.col("session") <= session)
    to_come = session + timedelta(days=1)
    stand_in = known.filter(pl.col("session") == session).with_columns(
        pl.lit(to_come).alias("session"),
        *(pl.lit(value=False).alias(name) for name in ("is_locked_up", "is_locked_down")),
        *(pl.lit(None, pl.Float64).alias(name) for name in ("limit_up", "limit_down")),
    )
    orders = placed(told.filter(pl.col("session") <= session), pl.concat([known, stand_in]), members, spec)
    closes = known.filter(pl.col("close").is_not_null()).sort("session").group_by("security_id").agg(pl.last("close"))
    asked = orders.filter(pl.col("session") == to_come).group_by("security_id", "side").agg(pl.sum("asked"))
    return asked.join(closes, on="security_id", how="left").select(
        "security_id", "side", shares="asked", value=pl.col("asked") * pl.col("close")
    )


def signals(
    session: date,
    forecasts: pl.DataFrame,
    orders: pl.DataFrame,
    reasons: pl.DataFrame,
    universe: pl.DataFrame,
) -> pl.DataFrame:
    """The columns of `Signals` but the first three words of whose they are: horizon, experiment and fold.

    forecasts  rows of `Forecasts`; those of the session count
    orders     security_id, side, shares, value, of `orders_after`
    reasons    security_id, reasons, of `in_words`
    universe   rows of `Universe`; each name of the session has a row in the list
    """
    own = forecasts.filter(pl.col("session") == session)
    ranks = seed_averaged(own).select("security_id", "forecast")
    ranked = ranks.sort("forecast", "security_id", descending=[True, False]).with_row_index("rank", 1)
    stated = ensemble(own).select("security_id", *UNCERTAINTY)
    names = universe.filter(pl.col("session") == session).select("session", "security_id", "left_out_because")
    held = orders.select("security_id").unique().join(names, on="security_id", how="anti")
    return (
        pl.concat([names, held.with_columns(session=session)], how="diagonal_relaxed")
        .join(ranked, on="security_id", how="left")
        .join(_between_seeds(own), on="security_id", how="left")
        .join(stated, on="security_id", how="left")
        .join(orders, on="security_id", how="left")
        .join(reasons, on="security_id", how="left")
        .with_columns(
            pl.col("side").fill_null(NO_ORDER),
            pl.col("shares").fill_null(0.0),
            pl.when(pl.col("side") == "buy").then("reasons").alias("reasons"),
            decided_at=pl.lit(own["decided_at"].max()),
        )
        .sort("rank", "security_id", "side", nulls_last=True)
    )


def in_words(moved: pl.DataFrame) -> pl.DataFrame:
    """security_id and reasons: the inputs that moved each forecast most, with by how much.

    moved  security_id, column, change: forecast less what it is with the column unknown
    """
    largest = moved.filter(pl.col("change").is_finite() & (pl.col("change") != 0)).sort(
        "security_id", pl.col("change").abs(), "column", descending=[False, True, False]
    )
    signed = pl.when(pl.col("change") > 0).then(pl.lit("+")).otherwise(pl.lit(""))
    told = pl.format("{} {}{}", "column", signed, pl.col("change").round(4))
    return largest.group_by("security_id", maintain_order=True).agg(reasons=told.head(REASONS).str.join("; "))


def _between_seeds(forecasts: pl.DataFrame) -> pl.DataFrame:
    """security_id, seed_std: how far the seeds lie apart in the rank that they give a name."""
    place = (pl.col("forecast").rank().over("seed") / pl.len().over("seed")).alias("place")
    return forecasts.select("security_id", place).group_by("security_id").agg(seed_std=pl.col("place").std())


def joined(lists: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Lists of several horizons as one table; no list is a table without rows."""
    found = list(lists)
    return Signals.validate(pl.concat(found, how="diagonal_relaxed"), cast=True) if found else Signals.create_empty()
