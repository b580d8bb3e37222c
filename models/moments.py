"""Moments: all that a line needs to know of the rows of a table, summed up over cells."""
# N rows, C columns of the table

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.scaling import Scaler
from models.windows import Cells, TableLayout

ROWS_AT_ONCE = 8192

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """Sums over rows of z z' [C, C], z y [C] and y^2, and the number of rows: all that a line needs to know of them."""

    gram: Floats
    moment: Floats
    total: float
    rows: int

    @classmethod
    def of(cls, cells: Cells, layout: TableLayout, scaler: Scaler) -> Moments:
        """The sums over some cells."""
        width = len(layout.names)
        gram, moment, total = np.zeros((width, width)), np.zeros(width), 0.0
        for rows_NC, target_N in chunks(cells, layout, scaler):
            gram += rows_NC.T @ rows_NC
            moment += target_N @ rows_NC
            total += float(target_N @ target_N)
        return cls(gram, moment, total, len(cells))

    def without(self, other: Moments) -> Moments:
        """The sums over the rows that the other does not have."""
        return Moments(
            self.gram - other.gram, self.moment - other.moment, self.total - other.total, self.rows - other.rows
        )

    def solution(self, penalty_C: Floats) -> Floats:
        """Weights [C] of (gram / n + diagonal of penalty * mean variance) w = moment / n."""
        variance = max(float(np.trace(self.gram)) / self.rows / len(self.gram), np.finfo(float).tiny)
        solved = np.linalg.solve(self.gram / self.rows + np.diag(penalty_C * variance), self.moment / self.rows)
        return np.asarray(solved, np.float64)

    def loss(self, weights_C: Floats) -> float:
        """Mean squared error of the line on these rows."""
        return float(self.total - 2 * weights_C @ self.moment + weights_C @ self.gram @ weights_C) / self.rows


def sample(cells: Cells, layout: TableLayout) -> NDArray[np.float32]:
    """Rows [n, C] of evenly spaced cells, enough for medians."""
    step = -(-len(cells) // 20_000) or 1
    return layout.of_cells(cells.x_STF, cells.securities_B[::step], cells.sessions_B[::step])


def chunks(cells: Cells, layout: TableLayout, scaler: Scaler) -> Iterator[tuple[Floats, Floats]]:
    """Scaled rows [n, C] and targets [n], some thousand cells at a time."""
    for start in range(0, len(cells), ROWS_AT_ONCE):
        rows = scaler(cells.rows(layout, start, start + ROWS_AT_ONCE))
        yield rows.astype(np.float64), cells.target_B[start : start + ROWS_AT_ONCE].astype(np.float64)
