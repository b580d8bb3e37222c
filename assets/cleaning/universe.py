"""Universe: which names the study looks at, session by session."""

import dataframely as dy
import polars as pl

from assets.cleaning.rules.manipulation import MANIPULATION
from assets.table import table
from expectations.cleaning_tables import Marks
from expectations.tables import Bars, Universe

KEY = ("session", "security_id")


@table()
def universe(bars: dy.LazyFrame[Bars], marks: dy.LazyFrame[Marks]) -> dy.LazyFrame[Universe]:
    """Members and the others, as known after each session: a name left out keeps its row and the first reason found.

    Left out are names that a rule of `cleaning/marks` masks, such as those suspended that session, under special
    treatment, or listed for fewer than 60 sessions. Nothing later than the session is looked at: a name that is
    delisted next week is a member today.
    """
    return Universe.cast(members(bars, marks))


def members(bars: pl.LazyFrame, marks: pl.LazyFrame) -> pl.LazyFrame:
    """The columns of Universe for every bar, in the order of the bars."""
    masked = marks.filter(pl.col("action") == "masked").group_by(KEY, maintain_order=True)
    first = masked.agg(left_out_because=pl.col("rule").first())
    suspects = marks.filter(pl.col("rule") == MANIPULATION.name).select(KEY).unique().with_columns(suspect=True)
    named = bars.select(KEY).join(first, on=KEY, how="left", maintain_order="left")
    return named.join(suspects, on=KEY, how="left", maintain_order="left").select(
        *KEY,
        "left_out_because",
        is_member=pl.col("left_out_because").is_null(),
        is_manipulation_suspect=pl.col("suspect").fill_null(False),
    )
