"""Wide: a long table laid on a grid of securities by sessions, and back.

Windows count sessions of the grid, so a suspended session is a hole in the row and never shortens a window.
"""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray


@dataclass(frozen=True)
class Grid:
    """Sessions in time order and securities in alphabetical order; the axes of every wide array."""

    sessions: tuple[date, ...]
    securities: tuple[str, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Number of securities and of sessions."""
        return len(self.securities), len(self.sessions)

    def places(self, frame: pl.DataFrame) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Row and column of each row of `frame`, which must lie on the grid."""
        rows = frame["security_id"].replace_strict(
            list(self.securities), range(len(self.securities)), return_dtype=pl.Int64
        )
        columns = frame["session"].replace_strict(list(self.sessions), range(len(self.sessions)), return_dtype=pl.Int64)
        return rows.to_numpy().astype(np.intp), columns.to_numpy().astype(np.intp)


def grid_of(frame: pl.DataFrame, sessions: Sequence[date] | pl.Series) -> Grid:
    """The grid of the given sessions and of every security in `frame`."""
    return Grid(tuple(sorted(sessions)), tuple(frame["security_id"].unique().sort().to_list()))


def spread(frame: pl.DataFrame, grid: Grid, columns: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """Each column as [S, T] float64, NaN where the frame has no row or a null. Rows off the grid are refused."""
    rows, sessions = grid.places(frame)
    wide: dict[str, NDArray[np.float64]] = {}
    for name in columns:
        cells = np.full(grid.shape, np.nan)
        cells[rows, sessions] = frame[name].cast(pl.Float64).to_numpy()
        wide[name] = cells
    return wide


def gather(grid: Grid, wide: Mapping[str, NDArray[np.float64]], where_ST: NDArray[np.bool_]) -> pl.DataFrame:
    """The long table of the cells in `where_ST`, sorted by session and security; NaN becomes null."""
    sessions, rows = np.nonzero(where_ST.T)
    columns = {name: pl.Series(name, cells[rows, sessions], nan_to_null=True) for name, cells in wide.items()}
    return pl.DataFrame(
        {
            "session": pl.Series(grid.sessions, dtype=pl.Date).gather(sessions),
            "security_id": pl.Series(grid.securities, dtype=pl.String).gather(rows),
            **columns,
        }
    )
