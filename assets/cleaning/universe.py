"""Universe: which names the study looks at, session by session."""

import dataframely as dy
import polars as pl

from assets.table import table
from expectations.tables import Bars, Universe


@table()
def universe(bars: dy.LazyFrame[Bars]) -> dy.LazyFrame[Universe]:
    """Members and the others, as known after each session: a name left out keeps its row and the first reason found.

    Left out are names suspended that session, under special treatment, or listed for fewer than 60 sessions. Nothing
    later than the session is looked at: a name that is delisted next week is a member today.
    """
    reason = (
        pl.when("is_suspended")
        .then(pl.lit("suspended"))
        .when("is_st")
        .then(pl.lit("st"))
        .when("is_new_listing")
        .then(pl.lit("new_listing"))
    )
    named = bars.select("session", "security_id", left_out_because=reason)
    return Universe.cast(named.with_columns(is_member=pl.col("left_out_because").is_null()))
