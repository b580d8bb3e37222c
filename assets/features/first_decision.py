"""First decision: the session whose decision is the first that may use a dated fact.

A fact counts for session t when it was available at the decision of t and not yet at that of the session before, so
that what comes on a weekend counts on Monday. The session before the first of the calendar is not known; that one
takes what came on its own day.
"""

from __future__ import annotations

from datetime import time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.decisions import decided_at
from expectations.tables import EXCHANGE_TIME_ZONE

PLACE = "place"


def first_decisions(instants: pl.Series, sessions: pl.Series) -> NDArray[np.int64]:
    """Place of the first session whose decision knows of each instant, [N].

    instants  with time zone; null counts as known from the beginning
    sessions  dates of the calendar, ascending, [T]
    returns   0 also for what is older than the first session, T for what comes after the last decision
    """
    calendar = pl.DataFrame({"session": sessions})
    decided_T = calendar.select(decided_at(pl.col("session")).dt.epoch("us")).to_series().to_numpy()
    known_N = instants.dt.epoch("us").fill_null(np.iinfo(np.int64).min).to_numpy()
    return np.searchsorted(decided_T, known_N, side="left").astype(np.int64)


def at_first_decision(facts: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """The facts that a decision of the calendar is the first to know, with that session.

    facts     rows with `available_at`, an instant with time zone
    sessions  dates of the calendar, ascending
    returns   the rows in their order, without those that came before the first session or after the last decision,
              with the date `first_session` and its `place` along the calendar
    """
    places_N = first_decisions(facts["available_at"], sessions)
    day = pl.col("session").dt.combine(time(0), "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)
    opened = sessions.head(1).to_frame("session").select(day.dt.epoch("us")).to_series()
    is_since_N = facts["available_at"].dt.epoch("us").to_numpy() >= (opened[0] if len(opened) else 0)
    inside_N = (places_N < len(sessions)) & is_since_N
    known = facts.with_columns(pl.Series(PLACE, places_N, dtype=pl.Int64)).filter(pl.Series(inside_N, dtype=pl.Boolean))
    return known.with_columns(first_session=sessions.gather(known[PLACE]))
