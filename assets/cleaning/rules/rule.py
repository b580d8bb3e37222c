"""Rule: one named and dated judgement of cleaning, and what it does to the rows that it finds."""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.rules.market import Market

Wide = NDArray[np.float64]
Flags = NDArray[np.bool_]

FIRST_FORM = "2026-11-22"
"""The day on which the first rules took their form."""


@dataclass(frozen=True)
class Found:
    """The cells that a rule marks, the value that it saw in each, and the sentence that says so ({} for the value)."""

    where_ST: Flags
    sentence: str
    value_ST: Wide | None = None


@dataclass(frozen=True, eq=False)
class Refusal:
    """Rows that cannot be believed: they are kept out of the bars, beside the reason.

    broken   over raw rows with `_is_session` (bool) and `_repetition` (copy, contradiction or null)
    reason   the sentence that says what was found
    version  the day on which the rule took its present form
    """

    name: str
    broken: pl.Expr
    reason: pl.Expr
    version: str = FIRST_FORM
    action: ClassVar[str] = "refused"


@dataclass(frozen=True, eq=False)
class Change:
    """Cells that are rewritten: the same rows in the same order, other values in `columns`.

    apply  accepted rows and the lives of tickers (`assets.cleaning.identity.Lives`) -> the rows after it
    """

    name: str
    columns: tuple[str, ...]
    apply: Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
    reason: str
    version: str
    action: ClassVar[str] = "changed"


@dataclass(frozen=True, eq=False)
class Mark:
    """Cells that are told apart: masked ones leave the universe and keep their row, flagged ones only bear the flag.

    find       the market up to some session -> the cells; a cell of t depends on nothing after t
    look_back  sessions before a cell that its judgement depends on; more of them change nothing
    """

    name: str
    action: Literal["masked", "flagged"]
    find: Callable[[Market], Found]
    look_back: int
    version: str


Rule = Refusal | Change | Mark
