"""Line: one figure of a part of what was measured, with its interval and what it was measured on."""
# T sessions

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.evaluation.intervals import interval


@dataclass(frozen=True)
class Line:
    """A figure of a part; bounds are NaN where it has none.

    kind      how the whole was parted: 'year', 'industry', 'lag' ..
    part      which part: '2016', 'bank', '5 sessions' ..
    metric    what was measured of it
    unit      'correlation', 'share', 'simple return' ..
    sessions  that had a value
    names     in the mean of those sessions
    """

    kind: str
    part: str
    metric: str
    value: float
    lower: float
    upper: float
    unit: str
    sessions: int
    names: float

    @classmethod
    def of(
        cls,
        kind: str,
        part: str,
        metric: str,
        daily_T: NDArray[np.float64],
        horizon: int,
        unit: str,
        names_T: NDArray[np.float64] | NDArray[np.intp],
    ) -> Line:
        """The mean of a daily series with its interval; sessions that are NaN have no part in it.

        horizon  sessions that one value spans
        names_T  names behind each value
        """
        told_T = ~np.isnan(daily_T)
        found = interval(daily_T, horizon)
        names = float(names_T[told_T].mean()) if told_T.any() else 0.0
        return cls(kind, part, metric, found.mean, found.lower, found.upper, unit, found.n, names)

    @classmethod
    def plain(cls, kind: str, part: str, metric: str, value: float, unit: str, sessions: int, names: float) -> Line:
        """A figure without bounds."""
        return cls(kind, part, metric, value, math.nan, math.nan, unit, sessions, names)
