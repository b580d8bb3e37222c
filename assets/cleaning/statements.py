"""Statements: items of financial statements as they were published, revision by revision."""

from datetime import time

import dataframely as dy
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.fact_admission import (
    among_repeated,
    common_rules,
    finite_rule,
    kept,
    opened,
    ruled,
    told,
    without_repetition,
)
from assets.cleaning.rules.rule import Refusal
from assets.table import table
from expectations.fact_tables import Statements
from expectations.facts import RawStatements
from expectations.tables import EXCHANGE_TIME_ZONE

DAY_AFTER_AT = time(8)
"""A publication without a time of day may have come after the close: it is used from this hour of the next day on."""
DEADLINES = {3: (4, 30), 6: (8, 31), 9: (10, 31), 12: (4, 30)}
"""Month in which a period ends -> month and day by which its report must be out (Securities Law, article 79)."""
PERIOD = ("security_id", "period_end", "item")
REVISION = (*PERIOD, "revision")


@table(look_back={"raw_statements": EVERYTHING_BEFORE})
def statements(raw_statements: dy.LazyFrame[RawStatements]) -> dy.LazyFrame[Statements]:
    """Accepted publications. One without a time of day is known from 08:00 of the next day on.

    One without a date is taken as published on the legal deadline of its period, and says so; where the source names
    an instant after that, it is known from then on. A revision never replaces the row of the one before it.
    """
    rows = kept(judged(raw_statements.collect()))
    return Statements.cast(rows.sort("available_at", *REVISION))


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Every raw statement once, with the `rule` that refuses it and the `reason`; dates are filled in where missing."""
    rows = ruled(opened(raw), _identity_rules())
    rows = ruled(rows.with_columns(_available()), (*common_rules(*REVISION), *_date_rules()))
    rows = without_repetition(rows, REVISION, ("value", "published_on"))
    order = ("available_at", "revision", "published_on")
    return among_repeated(rows, PERIOD, lambda some: ruled(some.sort(order), [_order_rule()]))


def day_after(day: pl.Expr, at: time = DAY_AFTER_AT) -> pl.Expr:
    """The stated hour of the day after a date, exchange time."""
    return day.dt.offset_by("1d").dt.combine(at, "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)


def deadline(period_end: pl.Expr) -> pl.Expr:
    """The date by which the report on a quarter must be out; null where the month ends no quarter."""
    month = period_end.dt.month()
    months, days = ({end: day[i] for end, day in DEADLINES.items()} for i in (0, 1))
    year = period_end.dt.year() + (month == 12).cast(pl.Int32)
    return pl.date(
        year,
        month.replace_strict(months, default=None, return_dtype=pl.Int8),
        month.replace_strict(days, default=None, return_dtype=pl.Int8),
    )


def _available() -> list[pl.Expr]:
    """Columns `published_on`, `is_deadline_assumed` and `available_at`, filled in where the source is silent."""
    published, available = pl.col("published_on"), pl.col("available_at")
    latest = day_after(deadline(pl.col("period_end")))
    no_hour = available.is_null() | (available == day_after(published.dt.offset_by("-1d"), time(0)))
    return [
        pl.coalesce(published, deadline(pl.col("period_end"))).alias("published_on"),
        published.is_null().alias("is_deadline_assumed"),
        pl.when(published.is_null())
        .then(pl.max_horizontal(available, latest))
        .when(no_hour)
        .then(day_after(published))
        .otherwise(available)
        .alias("available_at"),
        # A date that is filled in moves the row to its own month.
        pl.when(published.is_not_null() & ~no_hour).then("known_on").alias("known_on"),
    ]


def _identity_rules() -> tuple[Refusal, ...]:
    end = pl.col("period_end")
    return (
        *common_rules(*REVISION)[:1],
        Refusal(
            "not_a_quarter_end",
            (end != end.dt.month_end()) | ~end.dt.month().is_in(list(DEADLINES)),
            told("period_end {} is not the last day of a quarter", "period_end"),
        ),
        Refusal("negative_revision", pl.col("revision") < 0, told("revision {}; the first is 0", "revision")),
        Refusal(
            "undated_revision",
            (pl.col("revision") > 0) & pl.col("published_on").is_null() & pl.col("available_at").is_null(),
            told("revision {} has no date, and no law says by when a report is restated", "revision"),
        ),
        Refusal("missing_value", pl.col("value").is_null(), told("{} has no value", "item")),
        finite_rule("value"),
    )


def _date_rules() -> tuple[Refusal, ...]:
    return (
        Refusal(
            "published_before_period_end",
            pl.col("published_on") <= pl.col("period_end"),
            told("published on {}, but the period lasts to {}", "published_on", "period_end"),
        ),
        Refusal(
            "published_after_available",
            pl.col("published_on") > pl.col("available_at").dt.date(),
            told("published on {}, later than available_at {}", "published_on", "available_at"),
        ),
    )


def _order_rule() -> Refusal:
    """On rows in time order, those of one instant by revision: none is behind an earlier one, in number or in date."""
    behind = pl.any_horizontal(
        pl.col(name) < pl.col(name).cum_max().over(PERIOD) for name in ("revision", "published_on")
    )
    return Refusal(
        "revision_out_of_order",
        behind,
        told("revision {} of {} comes after a later one was known", "revision", "published_on"),
    )
