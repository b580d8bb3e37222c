"""Lag scan: whether a column tells the more of a return the fresher it is, beyond what honest fast columns do.

Fast columns lose their power in one session and are honest: what was in them is used up. What gives a leak away is the
change of a column. Where the ranks of two neighbouring sessions agree by `a`, the change is a share sqrt(1 - a^2) of
them, and (IC - a * IC of the session before) / sqrt(1 - a^2) is how well it alone foretells the same return. The change
is a column too and obeys the same ceiling. A slow column that ends a session late hides its leak from its own RankIC,
but not from this figure; a fast one (a near 0) is judged by its RankIC alone, however steeply that falls.

The same is asked of the single sessions ahead: 1 is from the close of the decision to the next VWAP, before anything
can be bought, 2 the first session of a label, 3 and 4 those after it.
"""
# S securities, T sessions

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from expectations.honest_bounds import COLUMN, Daily, Floats, daily, rank_ic_bound
from expectations.session_ranks import Ranks, correlations, names
from expectations.too_good import best_day

DELAYS = (0, 1, 2, 3)
AHEAD = (1, 2, 3, 4)
BEFORE_ENTRY = 1
OPENING = 0.35
"""Believed of the first place: what is told between close and decision moves the next opening."""
SLOWEST = 0.99
"""Agreement above which ranks hardly move; their change is not taken for smaller than here."""
LAG_SCAN = pl.Schema(
    {
        "table": pl.String(),
        "column": pl.String(),
        "horizon": pl.Int64(),
        "sessions": pl.Int64(),
        "agreement": pl.Float64(),
        **{f"rank_ic_delayed_{delay}d": pl.Float64() for delay in DELAYS},
        "rank_ic_of_change": pl.Float64(),
        **{f"rank_ic_ahead_{ahead}d": pl.Float64() for ahead in AHEAD},
        **{f"rank_ic_of_change_ahead_{ahead}d": pl.Float64() for ahead in AHEAD},
        "worst": pl.String(),
        "worst_rank_ic": pl.Float64(),
        "worst_bound": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)


@dataclass(frozen=True)
class Outcomes:
    """What happened after each of T sessions, as ranks [T, S].

    delayed  delay d -> the label of a decision d sessions later, of one horizon
    ahead    place k -> the return of the k-th single session ahead
    """

    horizon: int
    delayed: Mapping[int, Ranks]
    ahead: Mapping[int, Ranks]


@dataclass(frozen=True)
class _Found:
    """One figure that is judged: its name, its days, and the most that is believed."""

    name: str
    days_T: Floats
    daily: Daily
    bound: float


def sessions_ahead(close_TS: Floats, vwap_TS: Floats) -> dict[int, Floats]:
    """Place k -> the return of the k-th single session after each, [T, S]: from the close first, then VWAP to VWAP.

    close_TS, vwap_TS  adjusted prices of every session in time order, NaN where there was no trade
    """
    ahead = {1: _later(vwap_TS, 1) / close_TS}
    return ahead | {place: _later(vwap_TS, place) / _later(vwap_TS, place - 1) for place in AHEAD[1:]}


def _later(values_TS: Floats, sessions: int) -> Floats:
    """The values so many sessions later, NaN beyond the last."""
    later_TS = np.full_like(values_TS, np.nan)
    later_TS[: max(0, len(values_TS) - sessions)] = values_TS[sessions:]
    return later_TS


def lag_scan(
    table: str,
    columns: Mapping[str, tuple[Ranks, Ranks]],
    outcomes: Outcomes,
    sessions: Sequence[date],
    stride: int,
) -> pl.DataFrame:
    """By column, its RankIC with delays and with each session ahead, that of its change, and the worst of these.

    columns   name -> ranks [T, S] at the sessions, and at the session before each
    sessions  the T sessions, in time order, `stride` sessions from one to the next
    returns   LAG_SCAN; `worst` names the figure that is nearest to its bound or furthest beyond
    """
    rows = [
        {"table": table, "column": name, **_scanned(now, before, outcomes, sessions, stride)}
        for name, (now, before) in columns.items()
    ]
    return pl.DataFrame(rows, schema=LAG_SCAN)


def _scanned(now: Ranks, before: Ranks, outcomes: Outcomes, sessions: Sequence[date], stride: int) -> dict[str, object]:
    agreement = _mean(correlations(now, before))
    label = outcomes.delayed[0]
    judged = [
        *_pair("", now, before, label, outcomes.horizon, agreement, stride, COLUMN),
        *(
            found
            for ahead in AHEAD
            for found in _pair(
                f"_ahead_{ahead}d",
                now,
                before,
                outcomes.ahead[ahead],
                1,
                agreement,
                stride,
                OPENING if ahead == BEFORE_ENTRY else COLUMN,
            )
        ),
    ]
    worst = max(judged, key=lambda found: abs(found.daily.mean) - found.bound)
    passed = abs(worst.daily.mean) <= worst.bound
    said = f"{worst.name} {worst.daily.mean:+.3f} (believed {worst.bound:.3f})"
    figures = {found.name: found.daily.mean for found in judged if found.daily.sessions and found.name != "rank_ic"}
    delayed = {f"rank_ic_delayed_{d}d": _mean(correlations(now, outcomes.delayed[d])) for d in DELAYS}
    return {
        "horizon": outcomes.horizon,
        "sessions": judged[0].daily.sessions,
        "agreement": agreement,
        **delayed,
        **figures,
        "worst": worst.name,
        "worst_rank_ic": worst.daily.mean,
        "worst_bound": worst.bound,
        "first_example": None if passed else f"{said}; best day {best_day(worst.days_T, sessions)}",
        "passed": passed,
    }


def _pair(
    suffix: str,
    now: Ranks,
    before: Ranks,
    outcome: Ranks,
    horizon: int,
    agreement: float | None,
    stride: int,
    strongest: float,
) -> list[_Found]:
    """The RankIC with one outcome, and that of the change where the column has a session before."""
    ic_T, names_T = correlations(now, outcome), names(now, outcome)
    series = {f"rank_ic{suffix}": ic_T}
    if agreement is not None:
        kept = float(np.clip(agreement, -SLOWEST, SLOWEST))
        earlier_T = correlations(before, outcome)
        series[f"rank_ic_of_change{suffix}"] = (ic_T - kept * earlier_T) / math.sqrt(1 - kept**2)
    found = {name: daily(days_T, names_T, horizon, stride) for name, days_T in series.items()}
    return [_Found(name, series[name], one, rank_ic_bound(one, strongest, horizon)) for name, one in found.items()]


def _mean(values_T: Floats) -> float | None:
    known_T = values_T[np.isfinite(values_T)]
    return float(known_T.mean()) if len(known_T) else None
