"""Ledger: every row and cell that a cleaning rule touched, with what stood there before and after, and why."""

from collections.abc import Sequence

import dataframely as dy
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.bars import NEW_LISTING_SESSIONS, Cleaned, cleaned
from assets.cleaning.rules import RULES
from assets.cleaning.rules.rule import Change, Rule
from assets.table import table
from expectations.cleaning_tables import Appearances, Ledger, Marks
from expectations.tables import Calendar, RawBars


@table(look_back={"calendar": NEW_LISTING_SESSIONS, "appearances": EVERYTHING_BEFORE})
def ledger(
    raw_bars: dy.LazyFrame[RawBars],
    calendar: dy.LazyFrame[Calendar],
    appearances: dy.LazyFrame[Appearances],
    marks: dy.LazyFrame[Marks],
) -> dy.LazyFrame[Ledger]:
    """One row for each refused row, changed cell, masked cell and flagged row, by session, security and rule.

    A mask turns `is_member` of `cleaning/universe` to false. Text of a number reads back to the same bits.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    found = cleaned(raw_bars.collect(), sessions, appearances.collect())
    return Ledger.cast(entries(found, marks.collect(), RULES).lazy())


def entries(found: Cleaned, marks: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """Rows of Ledger for what `cleaned` did and what the marks say, sorted by session, security and order of rules."""
    parts = [_refused(found.refused), *(_changed(*step) for step in found.steps), _marked(marks)]
    order = {rule.name: place for place, rule in enumerate(rules)}
    listed = pl.concat(parts).with_columns(
        _order=pl.col("rule").replace_strict(list(order), list(order.values()), return_dtype=pl.Int32)
    )
    return listed.sort("session", "security_id", "_order", "column", "delivery", "reason").drop("_order")


def _refused(rows: pl.DataFrame) -> pl.DataFrame:
    nothing = pl.lit(None, dtype=pl.String)
    whole = rows.with_columns(action=pl.lit("refused"), column=nothing, before=nothing, after=nothing)
    return whole.select(Ledger.column_names())


def _changed(rule: Change, before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    """The cells of a change whose value is another one after it."""
    parts = []
    for name in rule.columns:
        differs = before[name].ne_missing(after[name])
        touched = before.filter(differs)
        parts.append(
            touched.select(
                "session",
                "security_id",
                rule=pl.lit(rule.name),
                version=pl.lit(rule.version),
                action=pl.lit(rule.action),
                column=pl.lit(name),
                before=touched[name].cast(pl.String),
                after=after.filter(differs)[name].cast(pl.String),
                reason=pl.lit(rule.reason),
                delivery="delivery",
            )
        )
    return pl.concat(parts)


def _marked(marks: pl.DataFrame) -> pl.DataFrame:
    masks = pl.col("action") == "masked"
    return marks.select(
        "session",
        "security_id",
        "rule",
        "version",
        "action",
        column=pl.when(masks).then(pl.lit("is_member")),
        before=pl.when(masks).then(pl.lit("true")),
        after=pl.when(masks).then(pl.lit("false")),
        reason="reason",
        delivery=pl.lit(None, dtype=pl.String),
    )
