"""First decision: the session whose decision is the first that may use a dated fact.

A fact counts for session t when it was available at the decision of t and not yet at that of the session before, so
that what comes on a weekend counts on Monday. The session before the first of the calendar is not known; that one
takes what came on its own day.
"""

from __future__ import annotations

from datetime import time

import numpy as np
import polars as pl

from expectations.decisions import decided_at
from expectations.tables import EXCHANGE_TIME_ZONE

PLACE = "place"


def at_first_decision(facts: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """The facts that a decision of the calendar is the first to know, with that session.

    facts     rows with `available_at`, an instant with time zone
    sessions  dates of the calendar, ascending
    returns   the rows in their order, without those that came before the first session or after the last decision,
              with the date `first_session` and its `place` along the calendar
    """
    calendar = pl.DataFrame({"session": sessions})
    day = pl.col("session").head(1).dt.combine(time(0), "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)
    decided_T = calendar.select(_microseconds(decided_at(pl.col("session")))).to_series().to_numpy()
    opened = calendar.select(_microseconds(day)).to_series()
    known_N = facts.select(_microseconds(pl.col("available_at"))).to_series().to_numpy()
    places_N = np.searchsorted(decided_T, known_N, side="left")
    inside_N = (places_N < len(decided_T)) & (known_N >= (opened[0] if len(opened) else 0))
    known = facts.with_columns(pl.Series(PLACE, places_N, dtype=pl.Int64)).filter(pl.Series(inside_N, dtype=pl.Boolean))
    return known.with_columns(first_session=sessions.gather(known[PLACE]))


def _microseconds(instant: pl.Expr) -> pl.Expr:
    return instant.dt.epoch("us")
