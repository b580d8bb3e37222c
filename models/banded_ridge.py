"""Banded ridge: linear regression with a penalty for each feature group, so that a group of noise costs little.

A single penalty must suit the best and the worst source at once. Here each group has its own, found by blocks of time
inside the train window: what a block shows is foretold from the others, and the moments of each block are enough for
that (Dupre la Tour, Eickenberg, Nunez-Elizalde, Gallant 2022, NeuroImage 264).
"""
# N rows, C columns of the table, K blocks, G groups

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from models.linear import Linear, Report, load_linear
from models.moments import Moments, chunks, sample
from models.ranking import RankIc
from models.scaling import fit_scaler
from models.windows import Cells, TableLayout

ROUNDS = 2
"""Times that every group's penalty is looked for, given those of the others."""

Floats = NDArray[np.float64]
Places = NDArray[np.intp]


class BandedRidgeSpec(BaseModel):
    """Ridge regression with a penalty for each feature group, chosen by blocks of the train window."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_deterministic: ClassVar[bool] = True
    losses: ClassVar[tuple[str, ...]] = ("mse",)

    kind: Literal["banded_ridge"] = "banded_ridge"
    look_back: int = Field(default=1, ge=1, le=250, description="sessions in a window")
    penalties: tuple[float, ...] = Field(
        default=(0.01, 0.1, 1.0, 10.0, 100.0, 10_000.0),
        min_length=1,
        description="grid for each group, in units of the mean variance of the scaled columns",
    )
    blocks: int = Field(default=6, ge=2, description="parts of the train window, each foretold from the others")
    gap_sessions: int = Field(
        default=12, ge=0, description="sessions left out before each block but the first, more than a label spans"
    )

    def fit(self, train: Cells, valid: Cells, layout: TableLayout, seed: int, threads: int, report: Report) -> Linear:
        """The solution in closed form, in float64; `report` is told once, of the penalties that were chosen.

        seed, threads  without influence on the solution, beyond the order of sums in the linear algebra
        report         called with (1, training loss, validation RankIC); validation chooses nothing here
        raises         ValueError for a train window of too few sessions for the blocks
        """
        scaler = fit_scaler(sample(train, layout))
        parts = [Moments.of(block, layout, scaler) for block in time_blocks(train, self.blocks, self.gap_sessions)]
        groups_C = np.unique(layout.group_names, return_inverse=True)[1]
        penalty_C = _choose(parts, groups_C, sorted(self.penalties, reverse=True))
        whole = Moments.of(train, layout, scaler)
        weights_C = whole.solution(penalty_C)
        forecast = np.concatenate([rows @ weights_C for rows, _ in chunks(valid, layout, scaler)])
        report(1, whole.loss(weights_C), RankIc(valid.target_B, valid.sessions_B)(forecast))
        return Linear(self, layout, scaler, weights_C)

    def load(self, folder: Path) -> Linear:
        """The fitted model that `Linear.save` wrote."""
        return load_linear(self, folder)


def time_blocks(cells: Cells, blocks: int, gap_sessions: int) -> list[Cells]:
    """Neighbouring parts of the sessions of the cells; before each but the first some sessions are in none."""
    sessions = np.unique(cells.sessions_B)
    parts = np.array_split(sessions, blocks)
    kept = [part[gap_sessions if k else 0 :] for k, part in enumerate(parts)]
    if not all(len(part) for part in kept):
        raise ValueError(
            f"{len(sessions)} train sessions leave nothing of {blocks} blocks with gaps of {gap_sessions} sessions; "
            "lengthen the train window, or ask for fewer blocks"
        )
    return [cells.where(np.isin(cells.sessions_B, part)) for part in kept]


def _choose(parts: Sequence[Moments], groups_C: Places, grid: Sequence[float]) -> Floats:
    """Penalty of each column, [C]: first one for all, then each group's in turn; of equal ones the strongest."""
    whole = _sum(parts)
    others = [(part, whole.without(part)) for part in parts]

    def loss(penalty_C: Floats) -> float:
        return sum(part.loss(rest.solution(penalty_C)) * part.rows for part, rest in others)

    penalty_G = np.full(int(groups_C.max()) + 1, min(grid, key=lambda one: loss(np.full(len(groups_C), one))))
    for _ in range(ROUNDS):
        for group in range(len(penalty_G)):
            tried = [np.where(np.arange(len(penalty_G)) == group, one, penalty_G) for one in grid]
            penalty_G = min(tried, key=lambda one_G: loss(one_G[groups_C]))
    chosen: Floats = penalty_G[groups_C]
    return chosen


def _sum(parts: Sequence[Moments]) -> Moments:
    return Moments(
        np.sum([part.gram for part in parts], axis=0),
        np.sum([part.moment for part in parts], axis=0),
        sum(part.total for part in parts),
        sum(part.rows for part in parts),
    )
