"""Float shares: how many shares of a security can be traded, and where nobody told, a guess that says so.

The guess takes the median amount of the sessions in the last 180 days as 1% of what can be traded. It orders
securities by size; it is no count.
"""

import dataframely as dy
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE, as_of_join
from assets.cleaning.fact_admission import common_rules, finite_rule, kept, opened, ruled, told, without_repetition
from assets.cleaning.rules.rule import Refusal
from assets.table import table
from expectations.fact_tables import FloatShares
from expectations.facts import RawFloatShares
from expectations.tables import Bars

ASSUMED_TURNOVER = 0.01
TRAILING_DAYS = 180
FEWEST_SESSIONS = 20
SESSIONS_BACK = 150
"""More than any 180 days hold, and the month begun."""
KEY = ("security_id",)


@table(look_back={"raw_float_shares": EVERYTHING_BEFORE, "bars": SESSIONS_BACK})
def float_shares(raw_float_shares: dy.LazyFrame[RawFloatShares], bars: dy.LazyFrame[Bars]) -> dy.LazyFrame[FloatShares]:
    """Shares by security from when they were known; a proxy until the first reported row of a security is known.

    A proxy is renewed in the first session of a month in which the security trades, and where its adjustment factor
    changes; it needs 20 traded sessions.
    """
    reported = kept(judged(raw_float_shares.collect())).with_columns(origin=pl.lit("reported"))
    known = reported.select("security_id", "available_at", _known=pl.lit(value=True))
    guesses = _guesses(bars).with_columns(decided_at="available_at").drop("available_at")
    unreported = (
        as_of_join(guesses, known, KEY).filter(pl.col("_known").is_null()).with_columns(available_at="decided_at")
    )
    columns = FloatShares.column_names()
    rows = pl.concat([frame.select(columns) for frame in (reported, unreported)])
    return FloatShares.cast(rows.sort("available_at", "security_id"))


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Every raw row once, with the `rule` that refuses it and the `reason`."""
    rules = (
        *common_rules(*KEY),
        finite_rule("float_shares", "total_shares"),
        Refusal("missing_value", pl.col("float_shares").is_null(), told("{} has no float_shares", "security_id")),
        Refusal(
            "not_positive",
            pl.any_horizontal((pl.col("float_shares", "total_shares") <= 0).fill_null(value=False)),
            told("float_shares {}, total_shares {}; both must be above 0", "float_shares", "total_shares"),
        ),
        Refusal(
            "more_float_than_total",
            pl.col("float_shares") > pl.col("total_shares") + 1,
            told("float_shares {} are more than total_shares {}", "float_shares", "total_shares"),
        ),
    )
    rows = ruled(opened(raw), rules)
    return without_repetition(rows, (*KEY, "available_at"), ("float_shares", "total_shares"))


def _guesses(bars: pl.LazyFrame) -> pl.LazyFrame:
    needed = ("session", "security_id", "close", "amount", "adj_factor", "available_at")
    traded = bars.filter(~pl.col("is_suspended")).select(needed).sort("security_id", "session")
    usual = pl.col("amount").rolling_median_by("session", window_size=f"{TRAILING_DAYS}d", min_samples=FEWEST_SESSIONS)
    before = pl.col("session").shift(1).over("security_id")
    recent = before > pl.col("session").dt.offset_by(f"-{TRAILING_DAYS}d")
    same_month = before.dt.month_start() == pl.col("session").dt.month_start()
    same_factor = pl.col("adj_factor").eq_missing(pl.col("adj_factor").shift(1).over("security_id"))
    unchanged = (recent & same_month & same_factor).fill_null(value=False)
    rows = traded.with_columns(_usual=usual.over("security_id"), _unchanged=unchanged)
    return rows.filter(~pl.col("_unchanged") & pl.col("_usual").is_not_null()).select(
        "security_id",
        "available_at",
        known_on=pl.col("available_at").dt.date(),
        float_shares=pl.col("_usual") / ASSUMED_TURNOVER / pl.col("close"),
        total_shares=pl.lit(None, dtype=pl.Float64),
        origin=pl.lit("proxy"),
    )
