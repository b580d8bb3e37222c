"""Adjustment invariance: nothing depends on the level at which adjustment factors begin.

A factor says how prices before and after an ex-date compare; its level is a convention of the vendor, and a vendor that
counts back from today makes it a fact of the future. So every factor of a security may be multiplied by one number
without any feature, mark or label becoming another (a price adjusted to today, or adjusted volume beside prices as
traded, does). The numbers are powers of two, by which floating point multiplies exactly.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import polars as pl

from expectations.comparison import differences, matched, ordered
from expectations.decisions import in_exchange_time
from expectations.evidence import INSTANT
from expectations.table_by_table import Around, Step, Stored
from expectations.tables import Bars

ADJUSTMENT_INVARIANCE = pl.Schema(
    {
        "decided_at": INSTANT,
        "table": pl.String(),
        "column": pl.String(),
        "rows_compared": pl.Int64(),
        "rows_changed": pl.Int64(),
        "worst_difference": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
LARGEST_POWER = 3


def adjustment_invariance(
    steps: Sequence[Step], stored: Stored, sessions: Sequence[date], decisions: Sequence[datetime], seed: int
) -> pl.DataFrame:
    """What differs from the stored past where the factors of each security begin at another level.

    steps      those with one row per key that read the bars are looked at
    decisions  up to which the tables are made again, each from what it reads
    returns    ADJUSTMENT_INVARIANCE
    """
    of_bars = [step for step in steps if step.is_keyed and Bars.asset_key in step.reads.values()]
    rows = [
        row
        for number, instant in enumerate(map(in_exchange_time, decisions))
        for row in _at(Around(stored, tuple(sessions), instant, seed + number), of_bars)
    ]
    return pl.DataFrame(rows, schema=ADJUSTMENT_INVARIANCE)


def relevelled(bars: pl.LazyFrame, seed: int) -> pl.LazyFrame:
    """The bars with the factors of each security times a power of two of its own."""
    power = pl.col("security_id").hash(seed) % (2 * LARGEST_POWER + 1)
    level = pl.lit(2.0).pow(power.cast(pl.Int64) - LARGEST_POWER)
    return bars.with_columns(adj_factor=pl.col("adj_factor") * level)


def _at(around: Around, steps: Sequence[Step]) -> Iterator[dict[str, object]]:
    for step in steps:
        start = around.at - step.compared + 1
        frames = {}
        for argument, key in step.reads.items():
            first = around.day(start - 1 - step.look_back.get(argument, 0))
            known = around.stored(key, first, around.instant.date())
            frames[argument] = relevelled(known, around.seed) if key == Bars.asset_key else known
        begin = around.day(start)
        past = around.stored(step.key, begin, around.instant.date()).collect()
        again = step.make(**frames).filter(pl.col("session").is_between(begin or date.min, around.instant.date()))
        yield from _compared(step, around.instant, past, again)


def _compared(step: Step, instant: datetime, stored: pl.DataFrame, made: pl.DataFrame) -> Iterator[dict[str, object]]:
    """Of a target only what was settled; of others every row of the past."""
    frames = (frame.filter(pl.col("exited_at") <= instant) if step.is_target else frame for frame in (stored, made))
    before, after = matched(*(ordered(step.key, frame) for frame in frames))
    for column, found in differences(before, after).items():
        yield {
            "decided_at": instant,
            "table": step.key,
            "column": column,
            "rows_compared": before.height,
            "rows_changed": found.rows_changed,
            "worst_difference": found.worst,
            "first_example": found.first_example,
            "passed": found.rows_changed == 0,
        }
