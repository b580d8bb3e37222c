"""Perturbation: raw bars with everything that became known after an instant replaced by another plausible future.

What is replaced stays a market: prices are ordered, the VWAP lies within the day's range, the reference price follows
the last close and the adjustment factor, so that later stages accept the rows instead of refusing them.
"""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from expectations.decisions import in_exchange_time

ROWS_DROPPED = 0.16
SECURITIES_DROPPED = 0.05
SECURITIES_ADDED = 0.05
FEWEST_ADDED = 2
FLAGS_FLIPPED = {"is_st": 0.25, "is_suspended": 0.1}
DAYS_LOCKED = 0.03
EX_DAYS = 0.03
FACTS_DROPPED = 0.4
WHEN = ("available_at", "known_on", "session")
LARGEST_MOVE = 0.04
LARGEST_SPREAD = 0.03


def perturbed(raw: pl.DataFrame, after: datetime, seed: int) -> pl.DataFrame:
    """`raw` with every row available after an instant randomised, dropped or joined by others, in another order.

    raw     rows of RawBars, in any order, of any number of securities
    after   an instant with time zone; rows available at or before it, or at an unknown time, keep their values
    seed    the same seed gives the same future
    raises  ValueError for an instant without time zone
    """
    rng = np.random.default_rng(seed)
    is_later = (pl.col("available_at") > in_exchange_time(after)).fill_null(value=False)
    known, later = raw.filter(~is_later), raw.filter(is_later)
    future = pl.concat([_without_some(later, rng), _newcomers(later, rng)])
    return pl.concat([known, _rewritten(future, known, rng)]).sample(fraction=1.0, shuffle=True, seed=seed)


def perturbed_facts(facts: pl.DataFrame, after: datetime, seed: int) -> pl.DataFrame:
    """Dated facts with every row that became known after an instant dropped, or its values put in another's place.

    facts   rows of a raw table with `available_at`, in any order
    after   an instant with time zone; rows available at or before it, or at an unknown time, keep their values
    """
    rng = np.random.default_rng(seed)
    is_later = (pl.col("available_at") > in_exchange_time(after)).fill_null(value=False)
    known, later = facts.filter(~is_later), facts.filter(is_later)
    later = later.filter(pl.Series(rng.random(later.height) >= FACTS_DROPPED, dtype=pl.Boolean))
    told = [name for name in later.columns if name not in (*WHEN, "delivery")]
    moved = [_moved(later[name], rng) for name in told]
    return pl.concat([known, later.with_columns(moved)]).sample(fraction=1.0, shuffle=True, seed=seed)


def _moved(column: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The values of a column in another order; numbers also on other scales."""
    shuffled = column.gather(rng.permutation(column.len()))
    if not column.dtype.is_float():
        return shuffled
    return (shuffled * pl.Series(rng.lognormal(0.0, 1.0, column.len()))).cast(column.dtype)


def _some(names: pl.Series, share: float, fewest: int, rng: np.random.Generator) -> list[str]:
    count = min(max(fewest, round(share * names.len())), names.len())
    return [str(name) for name in rng.choice(names.to_numpy(), size=count, replace=False)]


def _without_some(later: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Single rows are dropped, and a few securities end altogether, as by a delisting."""
    names = later["security_id"].drop_nulls().unique().sort()
    gone = _some(names, SECURITIES_DROPPED, 0, rng)
    stays = pl.Series(rng.random(later.height) >= ROWS_DROPPED)
    return later.filter(stays & ~pl.col("security_id").is_in(gone).fill_null(value=False))


def _newcomers(later: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Rows of securities unknown so far, listed in the future or at an unknown time, built on those of others."""
    names = later["security_id"].drop_nulls().unique().sort()
    parts = [later.clear()]
    for number, name in enumerate(_some(names, SECURITIES_ADDED, FEWEST_ADDED, rng)):
        rows = later.filter(pl.col("security_id") == name).sort("session")
        rows = rows.slice(int(rng.integers(0, 1 + rows.height // 2)))
        listed_on = rows["session"].min() if number % 2 == 0 else None
        parts.append(
            rows.with_columns(
                security_id=pl.lit(f"{name}_new"), listed_on=pl.lit(listed_on, dtype=later.schema["listed_on"])
            )
        )
    return pl.concat(parts)


def _rewritten(future: pl.DataFrame, known: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Other flags, prices, volumes and adjustment factors for the rows of `future`, continuing from `known`."""
    walk = _walk(_flagged(future.sort("security_id", "session"), rng), known, rng)
    draw = [pl.Series(rng.random(walk.height)) for _ in range(4)]
    spread = pl.when("is_st").then(LARGEST_SPREAD / 2).otherwise(LARGEST_SPREAD)
    reference = _cents(pl.col("_level") / pl.col("_move").exp())
    limit = ((reference * (10 + pl.col("_locked")) + 5) // 10) / 100

    def unless_locked(price: pl.Expr) -> pl.Expr:
        return pl.when(pl.col("_locked") != 0).then(limit).otherwise(_cents(price) / 100)

    ranged = walk.with_columns(
        low=unless_locked(pl.col("_level") * (1 - spread * draw[0])),
        high=unless_locked(pl.col("_level") * (1 + spread * draw[1])),
        close=unless_locked(pl.col("_level")),
        prev_close=pl.when(pl.col("prev_close").is_not_null()).then(reference / 100),
    )
    low, width = pl.col("low"), pl.col("high") - pl.col("low")
    priced = ranged.with_columns(
        open=unless_locked(low + width * draw[2]), amount=pl.col("volume") * (low + width * draw[3])
    )
    no_price = [pl.when("_trades").then(name).alias(name) for name in ("open", "high", "low", "close")]
    no_trade = [pl.when("_trades").then(name).otherwise(0.0).alias(name) for name in ("volume", "amount")]
    return priced.with_columns(no_price + no_trade).select(future.columns)


def _cents(price: pl.Expr) -> pl.Expr:
    return pl.max_horizontal((price * 100).round(), 1.0)


def _flagged(future: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Some flags turned over; `_trades` says where prices belong. A flag the source never gave stays unknown."""
    turned = [
        pl.col(name).xor(pl.Series(rng.random(future.height) < share)).alias(name)
        for name, share in FLAGS_FLIPPED.items()
    ]
    return future.with_columns(turned).with_columns(_trades=~pl.col("is_suspended").fill_null(value=False))


def _walk(future: pl.DataFrame, known: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Columns `_move` (log return), `_level` (unrounded close) and `_locked` (-1, 0, 1), with volume and adj_factor.

    Every security starts with an ex-day, whose size says by how much its prices leave the old future's.
    """
    drawn = _drawn(future, rng)
    last = (
        known.sort("session")
        .group_by("security_id")
        .agg(_close=pl.col("close").drop_nulls().last(), _factor=pl.col("adj_factor").drop_nulls().last())
    )
    drawn = drawn.join(last, on="security_id", how="left", nulls_equal=True, maintain_order="left")
    first = {name: pl.col(name).drop_nulls().first().over("security_id") for name in ("close", "adj_factor")}
    drift = (pl.col("_move") - pl.col("_jump")).cum_sum().over("security_id")
    jump = pl.col("_jump").cum_sum().over("security_id")
    factor = pl.coalesce("_factor", first["adj_factor"]) * jump.exp()
    return drawn.with_columns(
        _level=pl.coalesce(pl.col("_close"), first["close"], 10.0) * drift.exp(),
        adj_factor=pl.when(pl.col("adj_factor").is_not_null()).then(factor),
    )


def _drawn(future: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Columns `_move`, `_jump` (log size of an ex-day) and `_locked` for each row, and another volume."""
    size = future.height
    locked = pl.Series((rng.random(size) < DAYS_LOCKED) * rng.choice(np.array([-1, 1]), size=size))
    drift = pl.Series(rng.uniform(-LARGEST_MOVE, LARGEST_MOVE, size))
    jump = pl.Series(rng.normal(0.0, 0.3, size))
    ex_day = pl.col("security_id").is_first_distinct() | pl.Series(rng.random(size) < EX_DAYS)
    can_lock = pl.col("_trades") & (pl.col("board") == "main") & ~pl.col("is_st").fill_null(value=False)
    busier = pl.lit(pl.Series(rng.normal(0.0, 1.0, size)))
    busier = (busier + busier.first().over("security_id")).exp()
    return future.with_columns(
        volume=(pl.col("volume").fill_null(1e5).clip(100.0) * busier).round(),
        _locked=pl.when(can_lock).then(locked).otherwise(0),
        _jump=pl.when(ex_day).then(jump).otherwise(0.0),
    ).with_columns(
        _move=pl.when(~pl.col("_trades"))
        .then(0.0)
        .when(pl.col("_locked") != 0)
        .then((1 + pl.col("_locked") * 0.1).log())
        .when("is_st")
        .then(drift / 2)
        .otherwise(drift)
    )
