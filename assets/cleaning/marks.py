"""Marks: every bar that a cleaning rule masks or flags, with what the rule saw."""

from collections.abc import Sequence
from datetime import time

import dataframely as dy
import numpy as np
import polars as pl

from assets.cleaning.appearances import EVER
from assets.cleaning.rules import RULES
from assets.cleaning.rules import marks as marks_of_rules
from assets.cleaning.rules.market import Market, market_of
from assets.cleaning.rules.rule import Mark, Rule
from assets.cleaning.rules.treatment import LONG_PERIOD
from assets.table import table
from expectations.cleaning_tables import Marks
from expectations.facts import RawFloatShares, RawIndexBars, RawNews
from expectations.tables import Bars, Calendar

LOOK_BACK = max(rule.look_back for rule in marks_of_rules(RULES))
CLOSE = time(15)
DELISTING = "退市整理期"
DIGITS = 4


@table(
    look_back={
        "bars": LOOK_BACK,
        "calendar": LOOK_BACK,
        "index_bars": LOOK_BACK,
        "float_shares": EVER,
        "news": LONG_PERIOD + 10,
    }
)
def marks(
    bars: dy.LazyFrame[Bars],
    calendar: dy.LazyFrame[Calendar],
    index_bars: dy.LazyFrame[RawIndexBars],
    float_shares: dy.LazyFrame[RawFloatShares],
    news: dy.LazyFrame[RawNews],
) -> dy.LazyFrame[Marks]:
    """One row for each bar and rule that masks or flags it. A masked bar leaves the universe, a flagged one stays.

    Each rule looks at nothing after the session that it judges, and at most 120 sessions before it. Facts count from
    the session in whose trading hours they were known.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    seen = market(bars.collect(), sessions, index_bars.collect(), float_shares.collect(), news.collect())
    return Marks.cast(found(seen, RULES).lazy())


def market(
    bars: pl.DataFrame, sessions: pl.Series, index_bars: pl.DataFrame, float_shares: pl.DataFrame, news: pl.DataFrame
) -> Market:
    """The market that the rules look at, from bars and raw facts."""
    return market_of(bars, sessions, index_bars, _float_shares(float_shares), _delistings(news))


def found(market: Market, rules: Sequence[Rule]) -> pl.DataFrame:
    """Rows of Marks of the rules that mark, sorted by session, security and the order of the rules."""
    parts = [rows_of(rule, market).with_columns(_order=place) for place, rule in enumerate(marks_of_rules(rules))]
    if not parts:
        return Marks.create_empty()
    return pl.concat(parts).sort("session", "security_id", "_order").drop("_order")


def rows_of(rule: Mark, market: Market) -> pl.DataFrame:
    """Rows of Marks of one rule, sorted by session and security."""
    cells = rule.find(market)
    sessions, rows = np.nonzero(cells.where_ST.T)
    value = np.full(len(rows), np.nan) if cells.value_ST is None else np.asarray(cells.value_ST)[rows, sessions]
    told = pl.col("value").round(DIGITS).cast(pl.String).fill_null("unknown")
    reason = pl.format(cells.sentence, told) if "{}" in cells.sentence else pl.lit(cells.sentence)
    frame = pl.DataFrame(
        {
            "session": pl.Series(market.grid.sessions, dtype=pl.Date).gather(sessions),
            "security_id": pl.Series(market.grid.securities, dtype=pl.String).gather(rows),
            "value": pl.Series(value, dtype=pl.Float64).fill_nan(None),
        }
    )
    named = frame.with_columns(
        rule=pl.lit(rule.name), version=pl.lit(rule.version), action=pl.lit(rule.action), reason=reason
    )
    return named.select(Marks.column_names())


def _known_in(frame: pl.LazyFrame) -> pl.LazyFrame:
    """`session`: the date in whose trading hours a fact was known, or the day after; null where nobody says."""
    known = pl.col("available_at")
    after_close = (known.dt.time() > CLOSE).cast(pl.Int64)
    return frame.with_columns(session=known.dt.date() + pl.duration(days=1) * after_close)


def _float_shares(told: pl.DataFrame) -> pl.DataFrame:
    dated = _known_in(told.lazy().drop_nulls(["security_id", "float_shares", "available_at"]))
    return dated.sort("available_at").select("session", "security_id", "float_shares").collect()


def _delistings(news: pl.DataFrame) -> pl.DataFrame:
    """Announcements, by title, of a delisting period."""
    named = pl.col("title").str.contains(DELISTING, literal=True) & (pl.col("kind") == "announcement")
    dated = _known_in(news.lazy().filter(named.fill_null(False)).drop_nulls(["security_id", "available_at"]))
    return dated.select("session", "security_id").unique().collect()
