"""Calendar: the sessions of the exchange, read off the bars."""

import dataframely as dy
import polars as pl

from assets.table import table
from expectations.tables import Calendar, RawBars

SHARE_OF_MEDIAN = 0.2
TRAILING_DATES = 20
LAST_WEEKDAY = 5  # Friday; neither exchange has traded on a weekend


@table(look_back={"raw_bars": TRAILING_DATES})
def calendar(raw_bars: dy.LazyFrame[RawBars]) -> dy.LazyFrame[Calendar]:
    """Sessions of the exchange: dates on which enough securities traded, and how many did.

    A date counts when the securities with a trade number at least 20% of the median over the 20 dates up to it, and at
    least one, so that a stray row on a holiday makes no session; no weekend is one. Only the past is asked.
    """
    traded = ~pl.col("is_suspended").fill_null(False) & (pl.col("volume") > 0)
    usual = pl.col("securities_traded").rolling_median(TRAILING_DATES, min_samples=1)
    enough = SHARE_OF_MEDIAN * usual
    dates = raw_bars.filter(pl.col("session").dt.weekday() <= LAST_WEEKDAY).group_by("session")
    counted = dates.agg(pl.col("security_id").filter(traded).drop_nulls().n_unique().alias("securities_traded"))
    sessions = counted.sort("session").filter(pl.col("securities_traded") >= pl.max_horizontal(enough, pl.lit(1.0)))
    return Calendar.cast(sessions)
