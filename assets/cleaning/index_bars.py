"""Index bars: closes of the indices that the source tells of, and beside them an index of all bars.

That index weights each security by its float shares times the close before, so that a weight is known before the
return that it weights.
"""

import dataframely as dy
import numpy as np
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE, as_of_join
from assets.cleaning.fact_admission import common_rules, finite_rule, opened, ruled, told, without_repetition
from assets.cleaning.rules.rule import Refusal
from assets.table import table
from expectations.fact_tables import FloatShares, IndexBars
from expectations.facts import RawIndexBars
from expectations.tables import Bars

ALL_BARS = "all_bars"
BASE = 1000.0
"""Level of the index of all bars before the first session that it has."""
KEY = ("session", "index_id")


@table(look_back={"raw_index_bars": EVERYTHING_BEFORE, "bars": EVERYTHING_BEFORE, "float_shares": EVERYTHING_BEFORE})
def index_bars(
    raw_index_bars: dy.LazyFrame[RawIndexBars],
    bars: dy.LazyFrame[Bars],
    float_shares: dy.LazyFrame[FloatShares],
) -> dy.LazyFrame[IndexBars]:
    """Closes by session and index, and on every session `all_bars`, of origin proxy.

    It is there whatever the source tells: a row of the source may become known long after its session.
    `all_bars` counts dividends in, as its returns are taken against the ex-right reference. `weighted_by` says what its
    weights stand on: reported float shares, the trailing amount that stands in for them, or both (mixed).
    """
    rows = judged(raw_index_bars.collect()).lazy().filter(pl.col("rule").is_null())
    reported = rows.with_columns(origin=pl.lit("reported"), weighted_by=pl.lit("source"))
    columns = IndexBars.column_names()
    proxy = _all_bars(bars, float_shares).lazy().join(reported, on=KEY, how="anti")
    return IndexBars.cast(pl.concat([reported.select(columns), proxy.select(columns)]).sort(KEY))


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Every raw row once, with the `rule` that refuses it and the `reason`."""
    missing_key, missing_available_at, _ = common_rules(*KEY)
    rules = (
        missing_key,
        missing_available_at,
        Refusal(
            "available_before_session",
            pl.col("available_at").dt.date() < pl.col("session"),
            told("available at {}, before its session {}", "available_at", "session"),
        ),
        finite_rule("close", "prev_close", "amount"),
        Refusal("missing_value", pl.col("close").is_null(), told("{} has no close on {}", "index_id", "session")),
        Refusal(
            "not_positive",
            pl.any_horizontal((pl.col("close", "prev_close") <= 0).fill_null(value=False))
            | (pl.col("amount") < 0).fill_null(value=False),
            told("close {}, prev_close {}, amount {}; none may be negative", "close", "prev_close", "amount"),
        ),
    )
    return without_repetition(ruled(opened(raw.with_columns(known_on="session")), rules), KEY, ("close", "prev_close"))


def _all_bars(bars: pl.LazyFrame, shares: pl.LazyFrame) -> pl.DataFrame:
    """The index of all bars on every session on which a security with a known weight stood."""
    weighted = _weighted(bars, shares).collect()
    if weighted.is_empty():
        return IndexBars.create_empty()
    starts = weighted["session"].rle_id().is_first_distinct().arg_true().to_numpy()
    # One sum after another over each session, the same whatever the machine.
    weight, earned = (np.add.reduceat(weighted[name].to_numpy(), starts) for name in ("_weight", "_earned"))
    level = BASE * np.cumprod(1 + earned / weight)
    days = weighted.group_by("session", maintain_order=True).agg(
        pl.col("available_at").max(),
        pl.col("amount").sum(),
        weighted_by=pl.when(pl.col("_is_reported").all())
        .then(pl.lit("float_shares"))
        .when(pl.col("_is_reported").any())
        .then(pl.lit("mixed"))
        .otherwise(pl.lit("trailing_amount")),
    )
    return days.with_columns(
        close=level,
        prev_close=np.concatenate([[BASE], level[:-1]]),
        index_id=pl.lit(ALL_BARS),
        origin=pl.lit("proxy"),
    )


def _weighted(bars: pl.LazyFrame, shares: pl.LazyFrame) -> pl.LazyFrame:
    """Rows by session and security with a `_weight`, what it earned, and whether it stands on reported shares."""
    asked = bars.select("session", "security_id", "close", "prev_close", "amount", decided_at="available_at").sort(
        "session", "security_id"
    )
    known = shares.select("security_id", "available_at", "float_shares", _is_reported=pl.col("origin") == "reported")
    sized = as_of_join(asked, known, ("security_id",)).with_columns(available_at="decided_at")
    capital = pl.col("close").forward_fill() * pl.col("float_shares")
    moved = (pl.col("close") / pl.col("prev_close") - 1).fill_null(0.0)
    held = sized.with_columns(
        _weight=capital.shift(1).over("security_id"), _is_reported=pl.col("_is_reported").shift(1).over("security_id")
    )
    return held.filter(pl.col("_weight").is_not_null()).with_columns(_earned=pl.col("_weight") * moved)
