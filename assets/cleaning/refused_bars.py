"""Refused bars: the raw rows that were not accepted, each with the rule it breaks and the values found."""

import dataframely as dy
import polars as pl

from assets.cleaning.admission import judged
from assets.table import table
from expectations.tables import Calendar, RawBars, RefusedBars


@table()
def refused_bars(raw_bars: dy.LazyFrame[RawBars], calendar: dy.LazyFrame[Calendar]) -> dy.LazyFrame[RefusedBars]:
    """Raw rows that were refused; together with `bars` they are all the rows that the source delivered.

    The first rule that a row breaks is named. A row without a session or a security is here too, with nulls.
    """
    sessions = calendar.select("session").collect()["session"].sort()
    refused = judged(raw_bars.collect(), sessions).filter(pl.col("rule").is_not_null())
    return RefusedBars.cast(refused.lazy().sort("session", "security_id", "delivery"))
