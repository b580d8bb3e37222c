"""Price limits: the highest and the lowest price that a session allows, from a dated rule book.

The rules are data, in `price_limits.csv` beside this module, each with its source. They are read from the top and the
first that fits decides. An empty cell fits anything; `first` and `last` are dates of the session, in a `listing` rule
dates of the listing; empty percentages mean that there is no limit. A session that no rule covers has no limit either.
"""

from __future__ import annotations

import functools
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

RULE_BOOK = Path(__file__).with_name("price_limits.csv")
BOARDS = ("main", "chinext", "star", "bse")

Rule = dict[str, Any]


def limit_prices(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with `limit_up` and `limit_down`: yuan, null where the session has no limit or `prev_close` is null.

    frame    columns session, security_id, board, is_st, listed_on, sessions_since_listing (0 on the first session) and
             prev_close (on the first session the issue price); listed_on and sessions_since_listing may be null
    returns  the same rows; limits are whole cents, halves rounded up, computed in integers
    """
    book = rule_book()
    bands = [rule for rule in book if rule["rule"] in ("listing", "band")]
    floors = [_fits(rule) for rule in book if rule["rule"] == "one_tick"]
    marked = frame.with_columns(
        _exchange=_exchange(),
        _cents=(pl.col("prev_close") * 100).round().cast(pl.Int64),
    ).with_columns(
        _up=_first_that_fits(bands, "up_pct"),
        _down=_first_that_fits(bands, "down_pct"),
        _one_tick=pl.any_horizontal(floors).fill_null(False),
    )
    up = (pl.col("_cents") * (100 + pl.col("_up")) + 50) // 100
    down = (pl.col("_cents") * (100 - pl.col("_down")) + 50) // 100
    apart = pl.col("_one_tick").cast(pl.Int64)
    highest = pl.when(pl.col("_up").is_not_null()).then(pl.max_horizontal(up, pl.col("_cents") + apart))
    lowest = pl.when(pl.col("_down").is_not_null()).then(pl.min_horizontal(down, pl.col("_cents") - apart))
    # Polars divides by a constant through its reciprocal; rounding restores the nearest number to a whole cent.
    return marked.with_columns(
        limit_up=(highest / 100).round(2),
        limit_down=(lowest / 100).round(2),
    ).drop("_exchange", "_cents", "_up", "_down", "_one_tick")


@functools.cache
def rule_book() -> tuple[Rule, ...]:
    """The rules in the order of the file; empty cells are None."""
    types = {"is_st": pl.Boolean, "first": pl.Date, "last": pl.Date}
    whole = dict.fromkeys(("listed_sessions", "up_pct", "down_pct"), pl.Int64)
    return tuple(pl.read_csv(RULE_BOOK, schema_overrides={**types, **whole}).iter_rows(named=True))


def _exchange() -> pl.Expr:
    in_shenzhen = pl.col("security_id").str.starts_with("sz") | (pl.col("board") == "chinext")
    return (
        pl.when(pl.col("board") == "bse")
        .then(pl.lit("bse"))
        .when(in_shenzhen)
        .then(pl.lit("szse"))
        .otherwise(pl.lit("sse"))
    )


def _first_that_fits(rules: list[Rule], column: str) -> pl.Expr:
    chosen = pl.lit(None, dtype=pl.Int64)
    for rule in reversed(rules):
        chosen = pl.when(_fits(rule)).then(pl.lit(rule[column], dtype=pl.Int64)).otherwise(chosen)
    return chosen


def _fits(rule: Rule) -> pl.Expr:
    when = pl.col("listed_on" if rule["rule"] == "listing" else "session")
    conditions = [when.is_between(rule["first"], rule["last"] or date.max)]
    for column, source in (("board", "board"), ("exchange", "_exchange"), ("is_st", "is_st")):
        if rule[column] is not None:
            conditions.append(pl.col(source) == rule[column])
    if rule["listed_sessions"] is not None:
        conditions.append(pl.col("sessions_since_listing").is_between(0, rule["listed_sessions"] - 1))
    return pl.all_horizontal(conditions)
