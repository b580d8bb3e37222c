"""Panel: features, universe and labels of one fold as arrays over securities and sessions."""
# S securities, T sessions, F features

from __future__ import annotations

import hashlib
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.training.normalisation import Normalisation, by_group, industry_codes, normalise
from assets.wide import Grid, grid_of, spread
from expectations.decisions import DECIDED_HOUR
from models.ranking import normal_scores
from models.windows import Windows, windows

TRAIN, VALID, TEST = 1, 2, 3
SEGMENTS = {"outside": 0, "purged": 0, "train": TRAIN, "valid": VALID, "test": TEST}
KEYS = ("session", "security_id")


@dataclass(frozen=True)
class Panel:
    """Everything that one fold trains on and forecasts from.

    columns, sequence_columns  names of the F features, and those of them that a model may read as a sequence
    groups      name of the feature group of each of the F columns
    x_STF       float32, NaN where absent
    label_ST    float32 simple return, NaN where there is no label
    target_ST   float32 normal score of the label among the labelled members of its session and segment, else NaN
    member_ST   whether the security may be forecast and chosen
    segment_ST  int8: 0 none, 1 train, 2 valid, 3 test, of the decision after the session
    """

    grid: Grid
    columns: tuple[str, ...]
    sequence_columns: tuple[str, ...]
    groups: tuple[str, ...]
    x_STF: NDArray[np.float32]
    label_ST: NDArray[np.float32]
    target_ST: NDArray[np.float32]
    member_ST: NDArray[np.bool_]
    segment_ST: NDArray[np.int8]

    def labelled(self, segment: int) -> NDArray[np.bool_]:
        """Cells [S, T] of a segment that have a target."""
        labelled_ST: NDArray[np.bool_] = np.isfinite(self.target_ST) & (self.segment_ST == segment)
        return labelled_ST

    def before(self, day: date) -> Panel:
        """The sessions before a day and the names that were members in them: all that can be learned by then.

        A label of no segment, which may settle later, is left out.
        """
        end = bisect_left(self.grid.sessions, day)
        rows = np.flatnonzero(self.member_ST[:, :end].any(axis=1))
        segment_ST = self.segment_ST[rows, :end]
        return replace(
            self,
            grid=Grid(self.grid.sessions[:end], tuple(self.grid.securities[row] for row in rows)),
            x_STF=self.x_STF[rows, :end],
            label_ST=np.where(segment_ST > 0, self.label_ST[rows, :end], np.float32(np.nan)),
            target_ST=self.target_ST[rows, :end],
            member_ST=self.member_ST[rows, :end],
            segment_ST=segment_ST,
        )

    def digest(self) -> str:
        """Hash of all that it holds."""
        names = (self.grid, self.columns, sorted(self.sequence_columns), self.groups)
        found = hashlib.blake2b(repr(names).encode(), digest_size=16)
        for array in (self.x_STF, self.label_ST, self.target_ST, self.member_ST, self.segment_ST):
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()

    def forecast_cells(self) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Rows and columns of the member cells of valid and test, labelled or not, in time order."""
        sessions, rows = np.nonzero((self.member_ST & (self.segment_ST >= VALID)).T)
        return rows, sessions


def asked(panel: Panel, rows: NDArray[np.intp], sessions: NDArray[np.intp], look_back: int) -> Windows:
    """The raw windows that end at these cells, with the names they are of."""
    names = np.asarray(panel.grid.securities, dtype=np.str_)[rows]
    return Windows(windows(panel.x_STF, rows, sessions, look_back), names, sessions)


def build_panel(
    features: Mapping[str, pl.DataFrame],
    sequence: Set[str],
    labels: pl.DataFrame,
    universe: pl.DataFrame,
    sessions: Iterable[date],
    normalisation: Normalisation | Mapping[str, Normalisation] = "none",
    industries: pl.LazyFrame | None = None,
    decided_hour: int = DECIDED_HOUR,
) -> Panel:
    """The panel over these sessions and the securities of the universe; rows beyond them are left out.

    features  group -> session, security_id and its columns, in the order in which the panel shall hold them
    sequence  names of the groups whose columns a model may read as a sequence
    labels    session, security_id, forward_return, segment (train, valid, test, purged or outside)
    universe  session, security_id, is_member
    sessions  the calendar; it must start a look-back before the first training session for full windows
    normalisation  what each feature is put into the terms of its session by: one rule, or rules by group
    industries     changes of industry; asked for by the rule industry_neutral only
    decided_hour   hour of the decision, exchange time, by which an industry must be known
    raises    ValueError for a key that appears twice, a column in two groups, an unknown segment or group, or a rule
              that cannot be followed
    """
    if unknown := sorted(set(sequence) - set(features)):
        raise ValueError(f"sequence names unknown feature groups {unknown}; known: {sorted(features)}")
    grid = grid_of(universe, pl.Series(sessions, dtype=pl.Date))
    owner = _owners(features)
    x_STF = np.full((*grid.shape, len(owner)), np.nan, dtype=np.float32)
    places = {name: place for place, name in enumerate(owner)}
    for group, frame in features.items():
        names = [name for name in owner if owner[name] == group]
        for name, cells_ST in spread(_on_grid(frame, grid, group), grid, names).items():
            x_STF[:, :, places[name]] = cells_ST
    segment_ST, label_ST = _labels(_on_grid(labels, grid, "labels"), grid)
    member_ST = spread(_on_grid(universe, grid, "universe"), grid, ["is_member"])["is_member"] == 1
    rules = by_group(normalisation, tuple(features))
    industry_ST = None
    if industries is not None and "industry_neutral" in rules.values():
        cells = universe.filter(pl.col("session").is_in(grid.sessions))
        industry_ST = industry_codes(cells, industries, grid, decided_hour)
    for group, rule in rules.items():
        own = [places[name] for name in owner if owner[name] == group]
        normalise(x_STF, member_ST, own, rule, industry_ST)
    return Panel(
        grid=grid,
        columns=tuple(owner),
        sequence_columns=tuple(name for name in owner if owner[name] in sequence),
        groups=tuple(owner.values()),
        x_STF=x_STF,
        label_ST=label_ST,
        target_ST=targets(label_ST, member_ST, segment_ST),
        member_ST=member_ST,
        segment_ST=segment_ST,
    )


def _owners(features: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Column -> the group that it belongs to, in order."""
    owner: dict[str, str] = {}
    for group, frame in features.items():
        for name in frame.columns:
            if name in KEYS:
                continue
            if name in owner:
                raise ValueError(f"column '{name}' is in the groups {owner[name]} and {group}; rename one of them")
            owner[name] = group
    return owner


def _on_grid(frame: pl.DataFrame, grid: Grid, name: str) -> pl.DataFrame:
    inside = frame.filter(pl.col("session").is_in(grid.sessions), pl.col("security_id").is_in(grid.securities))
    doubles = inside.filter(inside.select(KEYS).is_duplicated())
    if len(doubles):
        raise ValueError(
            f"{name} has {len(doubles)} rows whose session and security are not unique, such as "
            f"{doubles.select(KEYS).row(0)}; give one row each (one horizon, one source)"
        )
    return inside


def _labels(labels: pl.DataFrame, grid: Grid) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    if unknown := set(labels["segment"].drop_nulls()) - set(SEGMENTS):
        raise ValueError(f"labels hold unknown segments {sorted(unknown)}; allowed: {sorted(SEGMENTS)}")
    codes = pl.col("segment").replace_strict(SEGMENTS, return_dtype=pl.Float64)
    wide = spread(labels.select(*KEYS, "forward_return", codes), grid, ["forward_return", "segment"])
    return np.nan_to_num(wide["segment"]).astype(np.int8), wide["forward_return"].astype(np.float32)


def targets(
    label_ST: NDArray[np.float32], member_ST: NDArray[np.bool_], segment_ST: NDArray[np.int8]
) -> NDArray[np.float32]:
    """Normal score of each label among the labelled members of its session and segment, [S, T]; NaN elsewhere."""
    ranked_ST = np.isfinite(label_ST) & member_ST & (segment_ST > 0)
    sessions, rows = np.nonzero(ranked_ST.T)
    # Purging can part one session between segments; each part is ranked by itself.
    parts = sessions * len(SEGMENTS) + segment_ST[rows, sessions]
    target_ST = np.full(label_ST.shape, np.nan, dtype=np.float32)
    target_ST[rows, sessions] = normal_scores(label_ST[rows, sessions], parts)
    return target_ST
