"""Honest bounds: how good a daily figure may be before it is too good to be true.

The law. The mean RankIC of something honest has a ceiling that grows slowly with the horizon, since a longer return
still holds what was foretold of its first sessions: `strongest * horizon ** GROWTH`. Two numbers stand for `strongest`,
both measured on 400 real names of all sizes and raised by a quarter or more: `FORECAST` for what a model makes of all
it is given (its best year: .139 at 1 session, .169 at 5; large caps at one session stay below .06), and `COLUMN`, half
of it, for one column alone (the best of 217: .065 at 1 session, .072 at 5, .079 at 10).

What is measured may exceed the ceiling by chance, so `ERRORS` standard errors are added. They are those of the daily
series where these are above 1 / sqrt(names - 1): names that move together carry less than their number says. Labels of
h sessions overlap, which leaves sessions / h independent ones. A narrow or short world is thus allowed more.

The ICIR follows: honest forecasts fail on some days, so that the RankIC of a day varies by at least `LEAST_VARIATION`
beside the noise of finitely many names (real: .13 to .16). The hit rate follows too: for two normal rankings it is
1/2 + asin(IC) / pi.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FORECAST = 0.174
COLUMN = 0.087
GROWTH = 0.125
LEAST_VARIATION = 0.07
ERRORS = 3.0


@dataclass(frozen=True)
class Daily:
    """Mean and standard deviation of a daily figure, and what its mean rests on.

    names        mean number of names behind a day
    independent  days whose labels do not overlap
    """

    mean: float
    deviation: float
    sessions: int
    names: float
    independent: float

    @property
    def noise(self) -> float:
        """Standard deviation of a day's correlation among unrelated names."""
        return 1 / math.sqrt(max(self.names - 1, 1))

    @property
    def error(self) -> float:
        """Standard error of a mean correlation where nothing is foretold; infinite without two days."""
        return max(self.deviation, self.noise) / math.sqrt(self.independent) if self.sessions > 1 else math.inf


def daily(values_T: Floats, names_T: Floats, horizon: int, stride: int = 1) -> Daily:
    """What a daily series says; days without a value (NaN) do not count.

    horizon  sessions that one value spans
    stride   sessions from one day of the series to the next
    """
    known_T = np.isfinite(values_T)
    kept, sessions = values_T[known_T], int(known_T.sum())
    return Daily(
        mean=float(kept.mean()) if sessions else 0.0,
        deviation=float(kept.std(ddof=1)) if sessions > 1 else 0.0,
        sessions=sessions,
        names=float(names_T[known_T].mean()) if sessions else 0.0,
        independent=max(1.0, sessions * min(1.0, stride / horizon)),
    )


def ceiling(strongest: float, horizon: int) -> float:
    """The highest mean RankIC that is believed over so many sessions; `strongest` is that over one."""
    return strongest * float(horizon**GROWTH)


def rank_ic_bound(found: Daily, strongest: float, horizon: int) -> float:
    """The highest size of a mean RankIC, measured so, that is not too good."""
    return ceiling(strongest, horizon) + ERRORS * found.error


def icir_bound(found: Daily, strongest: float, horizon: int) -> float:
    """The highest size of mean over standard deviation of the daily RankIC that is not too good."""
    if found.sessions < 2:
        return math.inf
    honest = ceiling(strongest, horizon) / math.hypot(found.noise, LEAST_VARIATION)
    return honest + ERRORS * math.sqrt((1 + honest**2 / 2) / found.independent)


def hit_rate_bound(hits: Daily, strongest: float, horizon: int) -> float:
    """The highest share of names on the right side of the middle that is not too good."""
    if hits.sessions < 2:
        return 1.0
    pearson = 2 * math.sin(math.pi / 6 * ceiling(strongest, horizon))
    error = max(hits.deviation, hits.noise / 2) / math.sqrt(hits.independent)
    return min(1.0, 0.5 + math.asin(pearson) / math.pi + ERRORS * error)
