"""Truth withheld: whether what a model is shown stays as it is when the labels are permuted or taken away.

Rows that are dropped by their label, or filled from the row before, tell a model what became of a security.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.fitting_rewrite import LABELS, Frames
from expectations.leakage import Windows

TRUTH_WITHHELD = pl.Schema(
    {
        "experiment": pl.String(),
        "fold": pl.String(),
        "labels": pl.String(),
        "part": pl.String(),
        "demanded": pl.String(),
        "cells_compared": pl.Int64(),
        "cells_changed": pl.Int64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
PERMUTED, REMOVED, DROPPED = "permuted", "removed", "without the rows of the best"
SHARE_DROPPED = 0.3
FEATURES, MEMBERS, TARGETS, AXES = "features", "members", "targets", "securities and sessions"
TOLD = ("forward_return", "paper_return", "status", "exited_at", "entered_at")


class Axes(Protocol):
    """Securities and sessions of a panel."""

    @property
    def securities(self) -> tuple[str, ...]:
        """Names along the first axis."""

    @property
    def sessions(self) -> tuple[date, ...]:
        """Sessions along the second axis."""


class Laid(Protocol):
    """What a panel holds: features [S, T, F], members, targets and segments [S, T]."""

    @property
    def grid(self) -> Axes:
        """The axes."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""

    @property
    def x_STF(self) -> NDArray[np.float32]:  # noqa: N802
        """Features, NaN where absent."""

    @property
    def member_ST(self) -> NDArray[np.bool_]:  # noqa: N802
        """Whether a security may be forecast."""

    @property
    def target_ST(self) -> NDArray[np.float32]:  # noqa: N802
        """What is learnt, NaN where there is no label."""

    @property
    def segment_ST(self) -> NDArray[np.int8]:  # noqa: N802
        """0 none, 1 train, 2 valid, 3 test."""


def truth_withheld(
    panel: Callable[[Frames], Laid], frames: Frames, fold: Windows, experiment: str, seed: int = 0
) -> pl.DataFrame:
    """What moved of the inputs of a model when the labels of all three windows were permuted, removed, or left out.

    panel    the real path, from the frames of a fold to its panel
    returns  TRUTH_WITHHELD: by kind of labels and part of the panel, cells that differ to the bit; the targets must
             (demanded 'other')
    """
    true = panel(frames)
    rows: list[dict[str, object]] = []
    dropped = {DROPPED: _without_the_best(frames[LABELS], fold.train_start, fold.test_end)}
    for kind, labels in (without_truth(frames[LABELS], fold.train_start, fold.test_end, seed) | dropped).items():
        told = {"experiment": experiment, "fold": fold.key, "labels": kind}
        rows += [told | row for row in _compared(true, panel({**frames, LABELS: labels}))]
    return pl.DataFrame(rows, schema=TRUTH_WITHHELD)


def without_truth(labels: pl.DataFrame, start: date, end: date, seed: int) -> dict[str, pl.DataFrame]:
    """The labels of a span of sessions in two other ways: moved among the names of a session, and not yet known."""
    is_inside = pl.col("session").is_between(start, end, closed="left")
    outside, inside = labels.filter(~is_inside), labels.filter(is_inside)
    rng = np.random.default_rng(seed)
    mixed = inside[rng.permutation(inside.height)].sort("session", maintain_order=True)
    sorted_rows = inside.sort("session", maintain_order=True)
    permuted = sorted_rows.with_columns([mixed[name] for name in TOLD])
    unknown = [pl.lit(None, dtype=inside.schema[name]).alias(name) for name in TOLD if name != "status"]
    removed = inside.with_columns(*unknown, status=pl.lit("pending"))
    return {PERMUTED: pl.concat([outside, permuted]), REMOVED: pl.concat([outside, removed])}


def _without_the_best(labels: pl.DataFrame, start: date, end: date) -> pl.DataFrame:
    """No row for the names of a session with the highest returns, as where rows are deleted by their label."""
    is_inside = pl.col("session").is_between(start, end, closed="left")
    share = pl.col("forward_return").rank(descending=True).over("session") / pl.len().over("session")
    return labels.filter(~(is_inside & (share <= SHARE_DROPPED)).fill_null(value=False))


def _compared(true: Laid, other: Laid) -> list[dict[str, object]]:
    if (true.grid.securities, true.grid.sessions) != (other.grid.securities, other.grid.sessions):
        apart = set(true.grid.securities) ^ set(other.grid.securities) | {
            str(session) for session in set(true.grid.sessions) ^ set(other.grid.sessions)
        }
        cells = len(true.grid.securities) + len(true.grid.sessions)
        return [_row(AXES, "same", cells, len(apart), f"{min(apart)} came or went")]
    parts = (
        (FEATURES, "same", true.x_STF, other.x_STF),
        (MEMBERS, "same", true.member_ST, other.member_ST),
        (TARGETS, "other", true.target_ST, other.target_ST),
    )
    return [_part(true, part, demanded, before, after) for part, demanded, before, after in parts]


def _part(
    panel: Laid, part: str, demanded: str, before: NDArray[np.generic], after: NDArray[np.generic]
) -> dict[str, object]:
    is_number = np.issubdtype(before.dtype, np.floating)
    changed = (before != after) & ~(np.isnan(before) & np.isnan(after)) if is_number else before != after
    example = None
    if changed.any():
        security, session, *column = (int(axis[0]) for axis in np.nonzero(changed))
        name = f" {panel.columns[column[0]]}" if column else ""
        place = (security, session, *column)
        where = f"{panel.grid.securities[security]} {panel.grid.sessions[session]}{name}"
        example = f"{where}: {before[place]} before, {after[place]} after"
    return _row(part, demanded, before.size, int(changed.sum()), example)


def _row(part: str, demanded: str, cells: int, changed: int, example: str | None) -> dict[str, object]:
    is_same = changed == 0
    return {
        "part": part,
        "demanded": demanded,
        "cells_compared": cells,
        "cells_changed": changed,
        "first_example": example if demanded == "same" else None,
        "passed": is_same if demanded == "same" else not is_same,
    }
