"""Trials section: how often one looked at the same test sessions, for the head and a section of a report's page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import polars as pl

from assets.evaluation.page import table
from assets.evaluation.trials import Family
from assets.sources.holdout import Opening, SealedRange, is_open

GUARDS = "It guards against accident, not against its owner."


@dataclass(frozen=True)
class Looks:
    """What a report tells of the trials beside its own, and of the holdout of its source.

    family     the report's own trial, and those that overlap with it
    elsewhere  trials that the tracking store knows from other ledgers
    sealed     dates that the source declares as sealed, None where none
    openings   of the holdout of this source, the first first
    """

    family: Family
    elsewhere: int
    sealed: SealedRange | None
    openings: Sequence[Opening]


def trials_header(looks: Looks) -> str:
    """The lines at the head of a report: the size of the family, and what became of the holdout."""
    return (
        f"<div class=trials><p><b>{escape(counted(looks))}</b> {escape(SAME)}{escape(_elsewhere(looks))}</p>"
        f"<p>{escape(holdout(looks))}</p></div>"
    )


SAME = (
    "Counted are configurations of which test sessions were scored on the same source, an overlapping universe and "
    "overlapping sessions, whatever the question is called; seeds, folds and re-runs are not counted."
)


def counted(looks: Looks) -> str:
    """'12 trials in this family, 2 of them without returns.'"""
    trials, failed = looks.family.trials, looks.family.failed
    noun = "trial" if trials == 1 else "trials"
    without = f", {failed} of them without stored returns" if failed else ""
    return f"{trials} {noun} in this family{without}."


def holdout(looks: Looks) -> str:
    """What became of the holdout of the source, in a few sentences."""
    source = looks.family.trial.source
    if looks.sealed is None and not looks.openings:
        return f"{source} declares no sealed holdout."
    told = "; ".join(f"{one.first} to {one.last} on {one.opened_at:%Y-%m-%d}: {one.reason}" for one in looks.openings)
    times = "once" if len(looks.openings) == 1 else f"{len(looks.openings)} times"
    opened = f"The holdout of {source} was opened {times} ({told})." if looks.openings else ""
    if looks.sealed is None or is_open(source, looks.sealed, looks.openings):
        return f"{opened} What was opened is ordinary data since. {GUARDS}"
    never = "" if looks.openings else ", and was never opened"
    return f"{opened} The holdout of {source}, {looks.sealed}, is sealed{never}. {GUARDS}".strip()


def trials_section(looks: Looks) -> str:
    """The family as a table, in the order of entry."""
    members = looks.family.members
    lines = members.select(
        pl.when(pl.col("trial_id") == looks.family.trial.id)
        .then(pl.lit("this one"))
        .otherwise("trial_id")
        .alias("trial"),
        pl.col("experiment").alias("first called"),
        pl.col("entered_at").dt.strftime("%Y-%m-%d %H:%M UTC").alias("entered"),
        pl.format("{} to {}", "first_test", "last_test").alias("test windows"),
        pl.col("sessions").alias("sessions with a return"),
    )
    return f"<details><summary>{escape(counted(looks))}</summary>{table(lines, numbers=(lines.columns[-1],))}</details>"


def _elsewhere(looks: Looks) -> str:
    if not looks.elsewhere:
        return ""
    return f" The tracking store knows {looks.elsewhere} more of other ledgers, which are not counted."
