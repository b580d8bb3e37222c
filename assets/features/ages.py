"""Ages: in which session something was first known to a decision, and how many sessions ago that was.

What the first session of a calendar already knows may be of any age, so it has none here. A bounded age is then the
same with a calendar that begins a bound earlier and with one that begins years earlier.
"""
# N instants, T sessions

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.decisions import decided_at

NEVER = -1


def arrivals(known: pl.Series, sessions: pl.Series) -> NDArray[np.int64]:
    """Place of the first session whose decision knows of each instant, [N].

    known     instants; null where there is none
    sessions  the calendar in time order, [T]
    returns   -1 for no instant and for one that the first session already knows, T for one after the last decision
    """
    decisions_T = sessions.to_frame("session").select(decided_at(pl.col("session")))["session"]
    instants_N = known.dt.convert_time_zone("UTC").dt.cast_time_unit("us").to_physical()
    limits_T = decisions_T.dt.convert_time_zone("UTC").dt.cast_time_unit("us").to_physical().to_numpy()
    places_N = np.searchsorted(limits_T, instants_N.fill_null(np.iinfo(np.int64).min).to_numpy(), side="left")
    return np.where(places_N == 0, NEVER, places_N).astype(np.int64)


def ages(places: NDArray[np.int64], arrived: NDArray[np.int64], below: int) -> NDArray[np.int64]:
    """Sessions from each arrival to the place of a later decision, 0 in its own; -1 where not in 0 to `below` - 1."""
    passed = np.where(arrived >= 0, places - arrived, NEVER)
    return np.where((passed >= 0) & (passed < below), passed, NEVER)


def decay(half_life: float, sessions: int) -> NDArray[np.float64]:
    """Weight of what is 0, 1, ... `sessions` - 1 sessions old: a half after each half-life."""
    weights: NDArray[np.float64] = 0.5 ** (np.arange(sessions) / half_life)
    return weights
