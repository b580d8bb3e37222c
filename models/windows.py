"""Windows: what a model sees when it forecasts, the last sessions of its columns, taken from a panel by index."""
# S securities, T sessions, F features, L look-back, B batch, C columns of a table

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Places = NDArray[np.intp]

RETURN = "log_return"
TO_CLOSE = ("open_to_close", "high_to_close", "low_to_close", "vwap_to_close")


def windows(x_STF: Floats, securities_B: Places, sessions_B: Places, look_back: int) -> Floats:
    """The `look_back` sessions that end at each cell, [B, L, F]; NaN before the first session of the panel."""
    steps_BL = sessions_B[:, None] + np.arange(1 - look_back, 1)
    x_BLF: Floats = x_STF[securities_B[:, None], np.maximum(steps_BL, 0)]
    x_BLF[steps_BL < 0] = np.nan
    return x_BLF


@dataclass(frozen=True)
class Windows:
    """What a model is asked with: raw windows, and whose they are.

    x_BLF         float32, NaN where absent
    security_ids  ids of the B securities, for models that know names
    sessions_B    numbers, equal for windows that end at the same session, for models in which names hear each other
    """

    x_BLF: Floats
    security_ids: NDArray[np.str_]
    sessions_B: Places

    def __len__(self) -> int:
        return len(self.x_BLF)

    def named(self) -> dict[str, NDArray[np.generic]]:
        """The same as arrays by name, as a served model takes them."""
        return {"windows": self.x_BLF, "security_id": self.security_ids, "session": self.sessions_B}


def check_windows(x_BLF: Floats, look_back: int, columns: Sequence[str]) -> None:
    """Refuse windows of another length or number of columns than the model was fitted on, with a ValueError."""
    if x_BLF.ndim != 3 or x_BLF.shape[1:] != (look_back, len(columns)):
        raise ValueError(
            f"windows have shape {x_BLF.shape}; this model needs [any, {look_back}, {len(columns)}]: its look-back by "
            f"the columns {list(columns)}"
        )


def relative_to_last_close(x_BLF: Floats, columns: Sequence[str]) -> Floats:
    """The same windows with every price as its logarithm over the last close of the window.

    columns  names of the F columns. open_to_close, high_to_close, low_to_close and vwap_to_close hold the logarithm of
             a price over the close of its own session, log_return that of the close over the close before.
             log_return comes back as the close itself over the last close. Other columns, and all of them where
             log_return is absent, stay as they are.
    A session without a return (suspended) leaves the close where it was; its own prices stay NaN.
    """
    if RETURN not in columns:
        return x_BLF
    here = columns.index(RETURN)
    moves_BL = np.nan_to_num(x_BLF[:, :, here], nan=0.0, posinf=np.inf, neginf=-np.inf)
    later_BL = np.zeros_like(moves_BL)
    later_BL[:, :-1] = np.cumsum(moves_BL[:, :0:-1], axis=1)[:, ::-1]
    relative_BLF = x_BLF.copy()
    relative_BLF[:, :, here] = -later_BL
    for name in TO_CLOSE:
        if name in columns:
            relative_BLF[:, :, columns.index(name)] -= later_BL
    return relative_BLF


@dataclass(frozen=True)
class TableLayout:
    """What a window holds, and how it becomes a row of a table: sequence columns give all lags, others the last value.

    groups  feature group of each of the F columns; a model that was loaded needs none
    """

    columns: tuple[str, ...]
    sequence_columns: tuple[str, ...]
    look_back: int
    groups: tuple[str, ...] = ()

    @cached_property
    def _sequence(self) -> Places:
        return np.array([self.columns.index(name) for name in self.sequence_columns], dtype=np.intp)

    @cached_property
    def _rest(self) -> Places:
        return np.array([i for i, c in enumerate(self.columns) if c not in self.sequence_columns], dtype=np.intp)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the C columns of the table; _lag_3 is three sessions before the last."""
        lags = range(self.look_back - 1, -1, -1)
        sequence = (f"{name}_lag_{lag}" for lag in lags for name in self.sequence_columns)
        return (*sequence, *(self.columns[place] for place in self._rest))

    @property
    def group_names(self) -> tuple[str, ...]:
        """Feature group of each of the C columns of the table; one for all where none are told."""
        groups = self.groups or ("",) * len(self.columns)
        sequence = [groups[place] for place in self._sequence] * self.look_back
        return (*sequence, *(groups[place] for place in self._rest))

    def of_windows(self, x_BLF: Floats) -> Floats:
        """Rows [B, C] of windows [B, L, F]."""
        return self._rows(x_BLF[:, :, self._sequence], x_BLF[:, -1, self._rest])

    def of_cells(self, x_STF: Floats, securities_B: Places, sessions_B: Places) -> Floats:
        """Rows [B, C] of the windows that end at these cells of a panel; equal to those of the windows themselves."""
        steps_BL = sessions_B[:, None] + np.arange(1 - self.look_back, 1)
        x_BLF = x_STF[securities_B[:, None, None], np.maximum(steps_BL, 0)[:, :, None], self._sequence]
        x_BLF[steps_BL < 0] = np.nan
        return self._rows(x_BLF, x_STF[securities_B[:, None], sessions_B[:, None], self._rest])

    def _rows(self, sequence_BLF: Floats, rest_BF: Floats) -> Floats:
        relative = relative_to_last_close(sequence_BLF, self.sequence_columns)
        return np.concatenate([relative.reshape(len(relative), -1), rest_BF], axis=1)


@dataclass(frozen=True)
class Cells:
    """Labelled cells of a panel in time order: where they lie, and what they should be forecast as (normal scores)."""

    x_STF: Floats
    securities_B: Places
    sessions_B: Places
    target_B: Floats

    def __len__(self) -> int:
        return len(self.target_B)

    def where(self, chosen_B: NDArray[np.bool_]) -> Cells:
        """Some of the cells, in the same order."""
        return Cells(self.x_STF, self.securities_B[chosen_B], self.sessions_B[chosen_B], self.target_B[chosen_B])

    def rows(self, layout: TableLayout, start: int, stop: int) -> Floats:
        """Rows [stop - start, C] of the table."""
        return layout.of_cells(self.x_STF, self.securities_B[start:stop], self.sessions_B[start:stop])
