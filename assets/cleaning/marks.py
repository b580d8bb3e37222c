"""Marks: every bar that a cleaning rule masks or flags, with what the rule saw."""

from collections.abc import Sequence

import dataframely as dy
import numpy as np
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.rules import RULES
from assets.cleaning.rules import marks as marks_of_rules
from assets.cleaning.rules.market import Market, market_of
from assets.cleaning.rules.rule import Mark, Rule
from assets.table import table
from expectations.cleaning_tables import Marks
from expectations.fact_tables import FloatShares, IndexBars, News
from expectations.tables import Bars, Calendar

LOOK_BACK = max(rule.look_back for rule in marks_of_rules(RULES))
DIGITS = 4


@table(
    look_back={
        "bars": LOOK_BACK,
        "calendar": LOOK_BACK,
        "index_bars": LOOK_BACK,
        "float_shares": EVERYTHING_BEFORE,
        "news": LOOK_BACK,
    }
)
def marks(
    bars: dy.LazyFrame[Bars],
    calendar: dy.LazyFrame[Calendar],
    index_bars: dy.LazyFrame[IndexBars],
    float_shares: dy.LazyFrame[FloatShares],
    news: dy.LazyFrame[News],
) -> dy.LazyFrame[Marks]:
    """One row for each bar and rule that masks or flags it. A masked bar leaves the universe, a flagged one stays.

    Each rule looks at nothing after the session that it judges, and at most 121 sessions before it. A fact counts
    from the first session whose bars were known no earlier than it was; shares that nobody reported do not count.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    seen = market_of(bars.collect(), sessions, index_bars.collect(), float_shares.collect(), news.collect())
    return Marks.cast(found(seen, RULES).lazy())


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
