"""Ages: in which session something was first known to a decision, and how many sessions ago that was.

What the first session of a calendar already knows may be of any age, so it has none here. A bounded age is then the
same with a calendar that begins a bound earlier and with one that begins years earlier.
"""
# N instants, T sessions

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.features.first_decision import first_decisions

NEVER = -1


def arrivals(known: pl.Series, sessions: pl.Series) -> NDArray[np.int64]:
    """Place of the first session whose decision knows of each instant, [N].

    known     instants; null where there is none
    sessions  the calendar in time order, [T]
    returns   -1 for no instant and for one that the first session already knows, T for one after the last decision
    """
    places_N = first_decisions(known, sessions)
    return np.where(places_N == 0, NEVER, places_N)


def ages(places: NDArray[np.int64], arrived: NDArray[np.int64], below: int) -> NDArray[np.int64]:
    """Sessions from each arrival to the place of a later decision, 0 in its own; -1 where not in 0 to `below` - 1."""
    passed = np.where(arrived >= 0, places - arrived, NEVER)
    return np.where((passed >= 0) & (passed < below), passed, NEVER)
