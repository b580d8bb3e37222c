"""Bars: the accepted daily bars, with VWAP, price limits and the flags that say what could be traded."""

from collections.abc import Sequence
from dataclasses import dataclass

import dataframely as dy
import polars as pl

from assets.cleaning.admission import judged
from assets.cleaning.appearances import lives
from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.price_limits import limit_prices
from assets.cleaning.rules import RULES, changes
from assets.cleaning.rules.changes import NOT_FINITE
from assets.cleaning.rules.refusals import HALF_A_CENT
from assets.cleaning.rules.rule import Change, Rule
from assets.table import table
from expectations.cleaning_tables import Appearances
from expectations.tables import Bars, Calendar, RawBars

NEW_LISTING_SESSIONS = 60
NOTHING_REUSED = Appearances.create_empty(lazy=True)


@dataclass(frozen=True)
class Cleaned:
    """What became of raw rows.

    bars     accepted rows: columns of `Bars`, `delivery`, and what the raw row held besides
    refused  refused rows: columns of `RawBars` with rule, version and reason
    steps    each changing rule with the rows before and after it, in the same order
    """

    bars: pl.DataFrame
    refused: pl.DataFrame
    steps: tuple[tuple[Change, pl.DataFrame, pl.DataFrame], ...]


@table(look_back={"calendar": NEW_LISTING_SESSIONS, "appearances": EVERYTHING_BEFORE})
def bars(
    raw_bars: dy.LazyFrame[RawBars],
    calendar: dy.LazyFrame[Calendar],
    appearances: dy.LazyFrame[Appearances] = NOTHING_REUSED,
) -> dy.LazyFrame[Bars]:
    """Accepted bars, one row per session and security; a suspended session has a row without prices, volume 0.

    Every raw row is either here or in `refused_bars`. VWAP is amount / volume. A name is locked when all its trades
    were at the limit; trades beyond a limit show that the session had none. A listing is new for 60 sessions; one whose
    date is unknown never counts as new. A reused ticker is another security from the first session of its new life.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    rows = cleaned(raw_bars.collect(), sessions, appearances.collect()).bars
    return Bars.cast(rows.lazy().sort("session", "security_id"))


def cleaned(
    raw: pl.DataFrame, sessions: pl.Series, appearances: pl.DataFrame, rules: Sequence[Rule] = RULES
) -> Cleaned:
    """Raw rows judged, and the accepted ones completed and changed by the rules that hold, in their order.

    raw          rows of RawBars
    sessions     dates of the calendar, in order, over at least the dates of `raw` and 60 sessions before them
    appearances  rows of Appearances up to the last date of `raw`
    """
    reborn = lives(appearances)
    steps = [(NOT_FINITE, raw, NOT_FINITE.apply(raw, reborn))] if NOT_FINITE in rules else []
    rows = judged(raw, sessions, rules)
    kept = rows.filter(pl.col("rule").is_null()).drop("rule", "version", "reason")
    since = _sessions_since_listing(kept, sessions)
    after = limit_prices(kept.with_columns(since.alias("sessions_since_listing")))
    for rule in changes(rules):
        if rule is not NOT_FINITE:
            before, after = after, rule.apply(after, reborn)
            steps.append((rule, before, after))
    return Cleaned(_flagged(after), rows.filter(pl.col("rule").is_not_null()), tuple(steps))


def _sessions_since_listing(rows: pl.DataFrame, sessions: pl.Series) -> pl.Series:
    """Sessions from the listing to each row, 0 on the first; a listing before the first session adds weekdays to it."""
    if rows.is_empty():
        return pl.Series(dtype=pl.Int64)
    listed = rows["listed_on"].fill_null(rows["session"])
    counted = sessions.search_sorted(rows["session"]).cast(pl.Int64) - sessions.search_sorted(listed).cast(pl.Int64)
    first = pl.lit(sessions[0])
    before = pl.select(pl.business_day_count(pl.min_horizontal(listed, first), first)).to_series()
    return pl.select(pl.when(rows["listed_on"].is_not_null()).then(counted + before)).to_series()


def _flagged(rows: pl.DataFrame) -> pl.DataFrame:
    suspended = pl.col("is_suspended").fill_null(False)
    locked_up = pl.col("low") >= pl.col("limit_up") - HALF_A_CENT
    locked_down = pl.col("high") <= pl.col("limit_down") + HALF_A_CENT
    return rows.with_columns(
        vwap=pl.when(~suspended).then(pl.col("amount") / pl.col("volume")),
        is_locked_up=(~suspended & locked_up).fill_null(False),
        is_locked_down=(~suspended & locked_down).fill_null(False),
        is_new_listing=(pl.col("sessions_since_listing") < NEW_LISTING_SESSIONS).fill_null(False),
    )
