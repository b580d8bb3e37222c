"""Promotion: whether a challenger takes a champion's seat; every attempt on it spends error, of which a year has 5%.

A seat is one horizon of one source. An attempt is a paired test of the daily RankIC of the best on validation less that
of the champion, on the test sessions that both have. Each spends half of what the year before its last session has
left of 5%, so that whatever is tried, and however the attempts hang together, the seat changes hands for nothing in at
most one year of twenty (Bonferroni over attempts). What was spent comes back a year later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import ClassVar, Literal

import dataframely as dy
import polars as pl
from pydantic import BaseModel, ConfigDict

from assets.evaluation.intervals import CRITICAL_VALUES, Interval, paired
from expectations.tables import Table

ERROR_A_YEAR = 0.05
YEAR = timedelta(days=365)
LADDER = (0.025, 0.0125, 0.00625, 0.003125, 0.0015625)
"""Error, one-sided, that an attempt may spend; for each a critical value is known."""
NEW_SESSIONS = 60
"""Test sessions, about a quarter, that must be new before the same challenger tries again."""
LEAST_DSR = 0.95

Told = Literal["seated", "kept", "promoted", "rolled back"]


class Seat(BaseModel):
    """What happened to a seat: the first champion, an attempt with its outcome, or a return to an earlier one.

    champion    who had the seat before
    challenger  who tried, or came back
    trial       what the holder is in the ledger of trials, whatever it is called
    until       last session that was looked at
    sessions    common test sessions of an attempt
    level       error that it spent, 0 where it was none
    difference  mean daily RankIC of the challenger less the champion's, with the lower bound at that level
    dsr         deflated Sharpe ratio of the challenger, a probability
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    horizon: int
    told: Told
    champion: str
    challenger: str | None = None
    trial: str
    until: date
    sessions: int = 0
    level: float = 0.0
    difference: float | None = None
    lower: float | None = None
    dsr: float | None = None
    reason: str

    @property
    def holder(self) -> str:
        """Who has the seat afterwards."""
        return str(self.challenger) if self.told in ("promoted", "rolled back") else self.champion


class Promotions(Table):
    """What happened to the seat of each horizon: who was champion, who tried, how it was judged, and why."""

    asset_key: ClassVar[str] = "evaluation/promotions"

    number = dy.Int64(primary_key=True, metadata={"definition": "in the order in which it happened"})
    horizon = dy.Int32(metadata={"unit": "sessions"})
    told = dy.String(metadata={"definition": "seated, kept, promoted or rolled back"})
    champion = dy.String(metadata={"definition": "who had the seat before"})
    holder = dy.String(metadata={"definition": "who has it afterwards"})
    challenger = dy.String(nullable=True, metadata={"definition": "best on validation of the others"})
    trial = dy.String(metadata={"definition": "what the holder is in the ledger of trials"})
    until = dy.Date(metadata={"definition": "last session that was looked at"})
    sessions = dy.Int64(metadata={"definition": "test sessions that both have", "unit": "sessions"})
    level = dy.Float64(metadata={"definition": "error that the attempt spent, one-sided", "unit": "probability"})
    difference = dy.Float64(
        nullable=True, metadata={"definition": "mean daily RankIC, challenger less champion", "unit": "correlation"}
    )
    lower = dy.Float64(nullable=True, metadata={"definition": "its bound at that level", "unit": "correlation"})
    dsr = dy.Float64(
        nullable=True, metadata={"definition": "deflated Sharpe ratio of the challenger", "unit": "probability"}
    )
    reason = dy.String(metadata={"definition": "why, in a sentence"})


@dataclass(frozen=True)
class Rivals:
    """A champion and the best on validation of the others, on the sessions of the test.

    champion, challenger              names of the experiments
    champion_daily, challenger_daily  session, rank_ic: on the same names of each session
    dsr                               deflated Sharpe ratio of the challenger; NaN where it has no returns
    trials                            what the two are in the ledger of trials
    """

    source: str
    horizon: int
    champion: str
    challenger: str
    champion_daily: pl.DataFrame
    challenger_daily: pl.DataFrame
    dsr: float
    trials: tuple[str, str]

    @property
    def common(self) -> pl.Series:
        """Sessions on which both have a RankIC."""
        both = [self.champion_daily.drop_nulls(), self.challenger_daily.drop_nulls()]
        return both[0].join(both[1], on="session")["session"].sort()


def attempt(rivals: Rivals, before: Sequence[Seat]) -> Seat | None:
    """Try whether the challenger takes the seat; None where it is not due: see `waits_for`.

    before  what happened to the seat until now
    """
    if waits_for(rivals, before):
        return None
    until: date = rivals.common[-1]
    level = level_left(before, until)
    found = paired(rivals.challenger_daily, rivals.champion_daily, "rank_ic", rivals.horizon, two_sided(level))
    refused = _refused(found, rivals.dsr)
    return Seat(
        source=rivals.source,
        horizon=rivals.horizon,
        told="kept" if refused else "promoted",
        champion=rivals.champion,
        challenger=rivals.challenger,
        trial=rivals.trials[0 if refused else 1],
        until=until,
        sessions=found.n,
        level=level,
        difference=found.mean,
        lower=found.lower,
        dsr=None if math.isnan(rivals.dsr) else rivals.dsr,
        reason=refused
        or f"better by {found.mean:.4f} RankIC, at least {found.lower:.4f}; probability above luck {rivals.dsr:.3f}",
    )


def waits_for(rivals: Rivals, before: Sequence[Seat]) -> str:
    """Why an attempt would come too early, in words; empty where it is due."""
    common = rivals.common
    if common.is_empty():
        return f"{rivals.challenger} and {rivals.champion} have no test session in common"
    until: date = common[-1]
    own = [(seat.champion, seat.challenger) == (rivals.champion, rivals.challenger) for seat in before]
    last = max((seat.until for seat, is_own in zip(before, own, strict=True) if is_own), default=None)
    new = len(common) if last is None else int((common > last).sum())
    if new < NEW_SESSIONS:
        return f"{rivals.challenger} waits for new test sessions: {new} of {NEW_SESSIONS}"
    if not level_left(before, until):
        again = min(seat.until for seat in before if seat.level and seat.until > until - YEAR) + YEAR
        return f"the error of {ERROR_A_YEAR:.0%} a year is spent; some of it comes back on {again}"
    return ""


def level_left(before: Sequence[Seat], until: date) -> float:
    """Error that the next attempt on a seat may spend; 0 where too little is left of the year before `until`."""
    spent = sum(seat.level for seat in before if seat.until > until - YEAR)
    return max((step for step in LADDER if step <= (ERROR_A_YEAR - spent) / 2 + 1e-12), default=0.0)


def two_sided(level: float) -> float:
    """The level of the two-sided interval whose lower bound errs with a probability of `level`."""
    return min(CRITICAL_VALUES, key=lambda known: abs(known - (1 - 2 * level)))


def table(seats: Sequence[Seat]) -> pl.DataFrame:
    """The `Promotions` table."""
    rows = [
        {"number": number, "holder": seat.holder, **seat.model_dump(exclude={"source"})}
        for number, seat in enumerate(seats, start=1)
    ]
    schema = {name: column.dtype for name, column in Promotions.columns().items()}
    return Promotions.validate(pl.DataFrame(rows, schema=schema))


def in_words(promotions: pl.DataFrame) -> list[str]:
    """A line for each horizon of a `Promotions` table: who has the seat, and what happened to it last."""
    last = promotions.sort("number").group_by("horizon", maintain_order=True).last()
    return [_words(row) for row in last.sort("horizon").iter_rows(named=True)]


def _words(row: dict[str, object]) -> str:
    tried = row["told"] in ("kept", "promoted")
    how = f"{row['challenger']} tried until {row['until']}" if tried else row["told"]
    return f"champion of {row['horizon']} sessions: {row['holder']} ({how}: {row['reason']})"


def _refused(found: Interval, dsr: float) -> str:
    """Why an attempt fails; empty where it does not."""
    if math.isnan(found.lower):
        return found.note
    if found.lower <= 0:
        return f"not told apart from the champion: RankIC differs by {found.mean:+.4f}, the bound is {found.lower:+.4f}"
    if not dsr >= LEAST_DSR:
        probability = "cannot be told" if math.isnan(dsr) else f"is {dsr:.3f}"
        return (
            f"better than the champion by {found.mean:.4f} RankIC, but the probability that its return is above luck "
            f"{probability}; asked are {LEAST_DSR}"
        )
    return ""
