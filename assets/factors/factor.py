"""Factor: one column of a feature group, whose text and values both come from one formula."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import dataframely as dy

from assets.factors.expression import RATIO, Expression


@dataclass(frozen=True)
class Factor:
    """A formula under a name.

    name        of the column: lower case, with its window, such as roc_5d
    expression  what is computed; it must be free of the level of prices and of the adjustment factor
    meaning     in words
    unit        of the values
    known_as    name where the literature has one, with its source
    raises      ValueError for a formula that rises and falls with a level
    """

    name: str
    expression: Expression
    meaning: str
    unit: str = "ratio"
    known_as: str | None = None

    def __post_init__(self) -> None:
        unit = self.expression.unit
        if unit != RATIO:
            what = "adjustment factor" if unit.adjusted or unit.is_shifted else "price as traded"
            raise ValueError(
                f"{self.name} = {self.expression} holds the level of the {what}, which says nothing about the "
                "security; make it a ratio, for example to the session's own close or volume"
            )

    def column(self) -> dy.Float32:
        """The column of the factor in a schema."""
        notes = {"definition": f"{self.meaning}: {self.expression}", "unit": self.unit}
        if self.known_as is not None:
            notes["source"] = self.known_as
        return dy.Float32(nullable=True, metadata=notes)


def reach_of(factors: Iterable[Factor]) -> int:
    """Sessions of look-back that all the factors together need."""
    return max((factor.expression.reach for factor in factors), default=0)
