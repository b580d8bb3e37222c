"""Alarm sample: the sessions and securities that the alarms look at, and tables laid out on them.

A few hundred sessions a fixed step apart tell a mean as well as all of them, whose labels overlap.
"""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.wide import Grid, spread
from expectations.session_ranks import Ranks, session_ranks

Floats = NDArray[np.float64]

SESSIONS = 200
SECURITIES = 1000
COLUMNS_AT_ONCE = 40
WEEK = 5
KEYS = ("session", "security_id")


@dataclass(frozen=True)
class Sample:
    """Sessions of the calendar and the places of those looked at, `stride` apart; some securities, and the members.

    member_TS  whether a security may be chosen, at the places
    """

    sessions: tuple[date, ...]
    places: tuple[int, ...]
    stride: int
    securities: tuple[str, ...]
    member_TS: NDArray[np.bool_]

    @property
    def looked_at(self) -> tuple[date, ...]:
        """The sessions at the places."""
        return tuple(self.sessions[place] for place in self.places)

    def columns(self, frame: pl.LazyFrame, before: Sequence[int]) -> Iterator[tuple[str, list[Floats]]]:
        """Each column of numbers of a feature table: at the places, and at the sessions so many before them.

        before   0 for the places themselves
        returns  name and, for each of `before`, values [T, S] of the members, NaN where absent
        """
        schema = frame.collect_schema()
        names = [
            name for name, kind in schema.items() if name not in KEYS and (kind.is_numeric() or kind == pl.Boolean)
        ]
        for start in range(0, len(names), COLUMNS_AT_ONCE):
            chosen = names[start : start + COLUMNS_AT_ONCE]
            asked = sorted({place - back for place in self.places for back in before})
            wide = self._wide(frame, chosen, asked)
            for name in chosen:
                values_TS = wide.pop(name)
                rows = [np.searchsorted(asked, np.array(self.places) - back) for back in before]
                yield name, [self.of_members(values_TS[row]) for row in rows]

    def whole(self, frame: pl.LazyFrame, columns: Sequence[str]) -> dict[str, Floats]:
        """Columns of a table at every session of the calendar, [T, S]."""
        return self._wide(frame, columns, range(len(self.sessions)))

    def at(self, values_TS: Floats, later: int = 0) -> Ranks:
        """Ranks among the members of values of every session, so many sessions after the places; none past the end."""
        found_TS = np.full(self.member_TS.shape, np.nan)
        places = np.array(self.places) + later
        inside = places < len(self.sessions)
        found_TS[inside] = values_TS[places[inside]]
        return session_ranks(self.of_members(found_TS))

    def of_members(self, values_TS: Floats) -> Floats:
        """Values at the places, NaN for what is no member."""
        return np.where(self.member_TS, values_TS, np.nan)

    def _wide(self, frame: pl.LazyFrame, columns: Sequence[str], places: Sequence[int]) -> dict[str, Floats]:
        grid = Grid(tuple(self.sessions[place] for place in places), self.securities)
        inside = pl.col("session").is_in(grid.sessions) & pl.col("security_id").is_in(grid.securities)
        rows = frame.filter(inside).select(*KEYS, *columns).collect()
        return {name: np.ascontiguousarray(cells.T) for name, cells in spread(rows, grid, columns).items()}


def take_sample(calendar: pl.LazyFrame, universe: pl.LazyFrame, sessions: int = SESSIONS) -> Sample:
    """About so many sessions, never all of one weekday, and at most 1,000 securities, each as far from the next."""
    days = tuple(calendar.select("session").collect()["session"].sort())
    stride = max(1, len(days) // sessions)
    stride += stride % WEEK == 0
    places = tuple(range(min(stride, len(days)), len(days), stride))
    members = universe.filter(pl.col("is_member"), pl.col("session").is_in([days[place] for place in places]))
    names = members.select("security_id").unique().collect()["security_id"].sort().to_list()
    chosen = tuple(names[:: -(-len(names) // SECURITIES) or 1])
    grid = Grid(tuple(days[place] for place in places), chosen)
    rows = members.filter(pl.col("security_id").is_in(chosen)).select(*KEYS, "is_member").collect()
    return Sample(days, places, stride, chosen, spread(rows, grid, ["is_member"])["is_member"].T == 1)
