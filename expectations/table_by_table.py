"""Table by table: each table made again around a decision, from what is stored of its inputs and from another future.

If no table's past follows the future of what it reads, then no table's past follows the future of the raw rows: what
holds of every step holds of the whole path. A step reads no further back than it declares, and its past is compared
with what is stored. So the same run shows that more history changes nothing (warm-up) and that nothing stale is stored.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import polars as pl

from expectations.comparison import ordered
from expectations.decisions import in_exchange_time
from expectations.evidence import FUTURE_PERTURBATION
from expectations.pasts import ROW_SET, past_evidence
from expectations.perturbation import perturbed, perturbed_facts
from expectations.tables import RawBars

COMPARED = 10
"""Sessions up to a decision of which every row is compared."""
LABELS_COMPARED = 30
"""The same for labels, which settle later."""
LATER = 20
"""Sessions after a decision that are rewritten and handed on."""
CONTEXT = 60
"""Sessions of raw bars before a decision, from which the other future goes on."""


@dataclass(frozen=True)
class Step:
    """One table of the path and what it reads.

    make       function of the inputs, by argument, that returns every row of the table that they give
    reads      argument -> key of a table
    look_back  argument -> sessions before the first one asked for that are needed of it; 0 where not named
    is_target  whether it may see the future: its rows are compared where they were settled
    is_keyed   whether a row has one key, by which two versions are compared column by column
    """

    key: str
    make: Callable[..., pl.DataFrame]
    reads: Mapping[str, str]
    look_back: Mapping[str, int]
    is_target: bool = False
    is_keyed: bool = True

    @property
    def compared(self) -> int:
        """Sessions up to a decision of which every row is compared."""
        return LABELS_COMPARED if self.is_target else COMPARED


class Stored(Protocol):
    """What is in store."""

    def __call__(self, key: str, first: date | None, last: date | None) -> pl.LazyFrame:
        """The rows of a table dated from `first` to `last`, both included; no date leaves that side open."""


def table_by_table(
    steps: Sequence[Step],
    stored: Stored,
    sessions: Sequence[date],
    decisions: Sequence[datetime],
    seed: int,
    of_facts: frozenset[str] = frozenset(),
) -> pl.DataFrame:
    """What differs between the stored past of each table and the past that another future of its inputs gives.

    steps      in an order in which each comes after those it reads; what no step makes is a raw table
    sessions   dates of the calendar, ascending
    decisions  instants; what had happened by then must stay the same in every row and column
    of_facts   tables made of dated facts: where a source tells so few that a column has one value, it need not move
    returns    FUTURE_PERTURBATION; the column '(rows)' stands for the set of rows, `alive` is null where not asked; a
               table without keys of which nothing is told is left out
    raises     ValueError without a decision, and for a table that cannot be compared
    """
    if not decisions:
        raise ValueError("there is no decision instant to perturb after; give some, as `decisions` picks them")
    rows: list[dict[str, object]] = []
    values: dict[tuple[str, str], int] = {}
    for number, instant in enumerate(map(in_exchange_time, decisions)):
        around = Around(stored, tuple(sessions), instant, seed + number)
        for step, stored_rows, made in around.walk(steps):
            if step.key in of_facts:
                _count_values(step.key, stored_rows, values)
            rows += _compared(step, stored_rows, made, instant)
    still = {place for place, most in values.items() if most <= 1}
    return pl.DataFrame([_judged(row, still) for row in rows], schema=FUTURE_PERTURBATION)


@dataclass(frozen=True)
class Around:
    """The sessions around one decision: what is stored of them, and another future."""

    stored: Stored
    sessions: tuple[date, ...]
    instant: datetime
    seed: int

    @property
    def at(self) -> int:
        """Place of the last session that is decided by the instant."""
        return bisect_right(self.sessions, self.instant.date()) - 1

    def day(self, place: int) -> date | None:
        """Date of a place along the calendar; None before its begin, its last date after its end."""
        return self.sessions[min(place, len(self.sessions) - 1)] if place >= 0 else None

    def walk(self, steps: Sequence[Step]) -> Iterator[tuple[Step, pl.DataFrame, pl.DataFrame]]:
        """Each step with the rows around the decision that are stored and those that it makes of another future."""
        later: dict[str, pl.DataFrame] = {}
        made_here = {step.key for step in steps}
        for step in steps:
            start = self.at - step.compared + 1
            frames = {}
            whole = True
            for argument, key in step.reads.items():
                if key not in later and key not in made_here:
                    later[key] = self.rewritten(key)
                first = self.day(start - 1 - step.look_back.get(argument, 0))
                whole &= first is None
                known = self.stored(key, first, self.instant.date()).filter(_known(later[key], self.instant))
                frames[argument] = pl.concat([known, later[key].lazy()])
            made = step.make(**frames)
            later[step.key] = made.filter(~_known(made, self.instant))
            # What reads everything before is whole; of others only rows from here on have all that they look back to.
            begin = None if whole else self.day(start)
            stored = self.stored(step.key, begin, self.day(self.at + LATER)).collect()
            yield step, stored, made if begin is None else made.filter(_day(made) >= begin)

    def rewritten(self, key: str) -> pl.DataFrame:
        """What a raw table tells after the decision, in another world."""
        is_bars = key == RawBars.asset_key
        first = self.day(self.at - CONTEXT) if is_bars else self.instant.date()
        rows = self.stored(key, first, self.day(self.at + LATER)).collect()
        other = perturbed(rows, self.instant, self.seed) if is_bars else perturbed_facts(rows, self.instant, self.seed)
        return other.filter(~_known(rows, self.instant))


def _known(frame: pl.DataFrame, instant: datetime) -> pl.Expr:
    """Whether a row was there by the instant: of a session that was over, and available; at an unknown time counts."""
    is_known = pl.lit(value=True)
    if "session" in frame.columns:
        is_known &= (pl.col("session") <= instant.date()).fill_null(value=True)
    if "available_at" in frame.columns:
        is_known &= (pl.col("available_at") <= instant).fill_null(value=True)
    return is_known


def _day(frame: pl.DataFrame) -> pl.Expr:
    return pl.col("session" if "session" in frame.columns else "known_on")


def _compared(step: Step, stored: pl.DataFrame, made: pl.DataFrame, instant: datetime) -> list[dict[str, object]]:
    if set(made.columns) != set(stored.columns):
        raise ValueError(f"{step.key}: stored are {stored.columns}, made again are {made.columns}; return them always")
    if not step.is_keyed:
        is_told = stored.height + made.height > 0
        return [_sets(step, stored, made.select(stored.columns), instant)] if is_told else []
    before, after = (ordered(step.key, _without_late(frame, instant)) for frame in (stored, made))
    rows = past_evidence(step.key, before, after, instant, is_target=step.is_target)
    must_move = step.is_target or step.key.startswith("features/")
    return [{**row, "alive": row.get("alive") if must_move else None} for row in rows]


def _without_late(frame: pl.DataFrame, instant: datetime) -> pl.DataFrame:
    """Without rows of past sessions that became available after the decision: they are no past and no future of it."""
    if "available_at" not in frame.columns:
        return frame
    return frame.filter(_known(frame, instant) | (pl.col("session") > instant.date()))


def _sets(step: Step, stored: pl.DataFrame, made: pl.DataFrame, instant: datetime) -> dict[str, object]:
    """Rows of a table without keys that were known and that only one of the two versions has."""
    known, again = (frame.filter(_known(frame, instant)) for frame in (stored, made))
    alike = known.equals(again)
    missing, added = (known.clear(), known.clear()) if alike else (_only_in(known, again), _only_in(again, known))
    one = missing if missing.height else added
    return {
        "decided_at": instant,
        "table": step.key,
        "column": ROW_SET,
        "rows_compared": known.height,
        "rows_changed": 0,
        "rows_missing": missing.height,
        "rows_added": added.height,
        "first_example": str(one.row(0, named=True)) if one.height else None,
    }


def _only_in(have: pl.DataFrame, lack: pl.DataFrame) -> pl.DataFrame:
    """Rows that one frame has more often than the other."""
    counted = have.group_by(have.columns).len("_here")
    others = lack.group_by(lack.columns).len("_there")
    joined = counted.join(others, on=have.columns, how="left", nulls_equal=True)
    return joined.filter(pl.col("_here") > pl.col("_there").fill_null(0)).drop("_here", "_there").sort(have.columns)


def _count_values(key: str, frame: pl.DataFrame, values: dict[tuple[str, str], int]) -> None:
    """The most different values that a column has had around one decision."""
    for column, found in frame.select(pl.all().drop_nulls().n_unique()).row(0, named=True).items():
        values[key, column] = max(values.get((key, column), 0), found)


def _judged(row: dict[str, object], still: set[tuple[str, str]]) -> dict[str, object]:
    harmed = (row["rows_changed"], row["rows_missing"], row["rows_added"])
    alive = None if (row["table"], row["column"]) in still else row.get("alive")
    return {**row, "alive": alive, "passed": harmed == (0, 0, 0)}
