"""Damage: real bars with faults planted in them, so that a check of the cleaning rules meets every rule at work.

Every fault stands in many sessions, spread over the span; the available times stay those of the session.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import polars as pl

from assets.cleaning.rules.refusals import PRICES
from expectations.facts import RawFloatShares, RawIndexBars, RawNews
from expectations.tables import RawBars, Table

EACH = 60
KEY = ("security_id", "session")


def damaged(raw: pl.DataFrame, seed: int) -> dict[str, pl.DataFrame]:
    """Raw tables by key: the bars with faults of every kind, float shares, one index, and delisting announcements.

    raw  rows of RawBars, sound ones
    """
    rng = np.random.default_rng(seed)
    bars = _missing_rows(_reused(_pumped(raw, rng), rng), rng)
    bars = pl.concat([_faulty(bars, rng), *_additions(bars, rng)])
    days = raw["session"].unique().sort()
    return {
        RawBars.asset_key: bars,
        RawFloatShares.asset_key: _float_shares(raw),
        RawIndexBars.asset_key: _index(raw, days, rng),
        RawNews.asset_key: _news(raw, rng),
    }


def _faulty(bars: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Single cells set to what cannot be, each fault in rows of its own, half of them suspended where it needs that."""
    number = pl.col("_row")
    halted = pl.Series(np.flatnonzero(bars["is_suspended"].to_numpy()))
    chosen = rng.permutation(np.flatnonzero(~bars["is_suspended"].to_numpy()))
    faults: list[dict[str, pl.Expr]] = [
        {"close": pl.lit(float("nan"))},
        {"security_id": pl.lit(None, dtype=pl.String)},
        {"source_objection": pl.lit("planted")},
        {"board": pl.lit("other")},
        {"available_at": pl.lit(None, dtype=bars.schema["available_at"])},
        {"is_st": pl.lit(None, dtype=pl.Boolean)},
        {"open": pl.lit(None, dtype=pl.Float64)},
        {"low": pl.lit(-1.0)},
        {"high": pl.col("low") - 1},
        {"close": pl.col("high") + 1},
        {"volume": pl.lit(0.0)},
        {"amount": pl.col("amount") * 3},
        {"adj_factor": pl.lit(-1.0)},
        {"listed_on": pl.col("session") + pl.duration(days=30)},
        {name: pl.lit(1e9) for name in (*PRICES, "prev_close")},
        {"adj_factor": pl.col("adj_factor") * 2},
        {name: pl.col(name) * 1.2 for name in (*PRICES, "amount")},
        {"volume": pl.col("volume") * 40, "amount": pl.col("amount") * 40},
        {
            **{name: pl.col("prev_close") * 1.6 for name in PRICES},
            "amount": pl.col("prev_close") * 1.6 * pl.col("volume"),
        },
    ]
    places = {n: chosen[n * EACH : (n + 1) * EACH] for n in range(len(faults))}
    bars = bars.with_row_index("_row")
    for n, fault in enumerate(faults):
        here = number.is_in(places[n].tolist())
        bars = bars.with_columns(
            pl.when(here).then(value).otherwise(pl.col(name)).alias(name) for name, value in fault.items()
        )
    some = pl.Series(rng.permutation(halted.to_numpy())[: 2 * EACH])
    priced, busy = number.is_in(some.head(EACH).implode()), number.is_in(some.tail(EACH).implode())
    return bars.with_columns(
        close=pl.when(priced).then(9.9).otherwise(pl.col("close")),
        volume=pl.when(busy).then(100.0).otherwise(pl.col("volume")),
    ).drop("_row")


def _additions(bars: pl.DataFrame, rng: np.random.Generator) -> list[pl.DataFrame]:
    """Copies, contradictions, and rows on days without a session."""
    traded = bars.filter(~pl.col("is_suspended"))
    some = traded[rng.permutation(traded.height)[: 3 * EACH].tolist()]
    copies, others, holidays = some.head(EACH), some.slice(EACH, EACH), some.tail(EACH)
    saturday = timedelta(days=6)
    moved = pl.col("session").dt.truncate("1w") + pl.duration(days=5)
    shift = moved - pl.col("session")
    return [
        copies.with_columns(delivery=pl.lit("again")),
        others.with_columns(volume=pl.col("volume") * 2, amount=pl.col("amount") * 2),
        holidays.with_columns(session=moved, available_at=pl.col("available_at") + shift.clip(None, saturday)),
    ]


def _pumped(raw: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Twelve sessions of eight times the volume and a rise of 9% each for several names, and the fall back from it."""
    names = [str(name) for name in rng.choice(raw["security_id"].unique().sort().to_numpy(), 40, replace=False)]
    begin = pl.DataFrame({"security_id": names, "_begin": rng.integers(100, 1300, len(names))})
    rows = raw.sort("security_id", "session").join(begin, on="security_id", how="left", maintain_order="left")
    since = pl.int_range(pl.len()).over("security_id") - pl.col("_begin")
    up, down = since.is_between(0, 11).fill_null(False), since.is_between(12, 15).fill_null(False)
    move = pl.when(up).then(0.09).when(down).then(-0.09).otherwise(0.0).log1p()
    level = move.cum_sum().over("security_id").exp()
    before = (move.cum_sum().over("security_id") - move).exp()
    busier = pl.when(up | down).then(8.0).otherwise(1.0)
    return rows.with_columns(
        *((pl.col(name) * level).alias(name) for name in PRICES),
        prev_close=pl.col("prev_close") * before,
        volume=pl.col("volume") * busier,
        amount=pl.col("amount") * busier * level,
    ).drop("_begin")


def _reused(raw: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """Tickers that are gone for 90 sessions and come back as another security, half of them with a listing date."""
    names = [str(name) for name in rng.choice(raw["security_id"].unique().sort().to_numpy(), 30, replace=False)]
    days = raw["session"].unique().sort()
    starts = rng.integers(150, len(days) - 150, len(names))
    lives = pl.DataFrame(
        {
            "security_id": names,
            "_gone": days.gather(starts),
            "_back": days.gather(starts + 90),
            "_told": np.arange(len(names)) % 2 == 0,
        }
    )
    rows = raw.join(lives, on="security_id", how="left", maintain_order="left")
    away = pl.col("session").is_between("_gone", "_back", closed="left").fill_null(False)
    later = (pl.col("session") >= pl.col("_back")).fill_null(False)
    scale = pl.when(later).then(5.0).otherwise(1.0)
    untold = pl.when(pl.col("_told").fill_null(True)).then(pl.col("listed_on"))
    relisted = pl.when(later & pl.col("_told").fill_null(False)).then(pl.col("_back")).otherwise(untold)
    changed = rows.with_columns(
        *((pl.col(name) * scale).alias(name) for name in (*PRICES, "prev_close", "amount")),
        listed_on=relisted,
    )
    return changed.filter(~away).select(raw.columns)


def _missing_rows(raw: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    """A third of the rows of ten sessions is not delivered."""
    days = raw["session"].unique().sort()
    thin = days.gather(np.sort(rng.choice(np.arange(50, len(days)), 10, replace=False)))
    kept = pl.Series(rng.random(raw.height) > 1 / 3)
    return raw.filter(~pl.col("session").is_in(thin.implode()) | kept)


def _float_shares(raw: pl.DataFrame) -> pl.DataFrame:
    """Few shares, so that turnover is high; known before the first session."""
    usual = raw.group_by("security_id").agg(float_shares=pl.col("volume").median() * 12)
    known = raw["available_at"].min()
    return _completed(
        RawFloatShares, usual.with_columns(available_at=pl.lit(known), known_on=pl.lit(raw["session"].min()))
    )


def _index(raw: pl.DataFrame, days: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days))))
    known = raw.group_by("session").agg(pl.col("available_at").max())
    rows = pl.DataFrame({"session": days, "index_id": "sh000002", "close": close, "amount": 1e9})
    rows = rows.with_columns(prev_close=pl.col("close").shift(1, fill_value=100.0)).join(known, on="session")
    # Every fifth session has none, so that what stands in for it is looked at too.
    return _completed(RawIndexBars, rows.filter(pl.int_range(pl.len()) % 5 > 0))


def _news(raw: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    told = raw[rng.permutation(raw.height)[:EACH].tolist()].select("security_id", "available_at", known_on="session")
    numbered = told.with_columns(news_id=pl.int_range(pl.len()).cast(pl.String))
    return _completed(
        RawNews, numbered.with_columns(kind=pl.lit("announcement"), title=pl.lit("进入退市整理期交易的公告"))
    )


def _completed(table: type[Table], rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with every column of a raw table, null where nothing was given."""
    empty: Mapping[str, pl.DataType] = table.create_empty().schema
    missing = [pl.lit(None, dtype=kind).alias(name) for name, kind in empty.items() if name not in rows.columns]
    return rows.with_columns(missing).select(pl.col(name).cast(kind) for name, kind in empty.items())
