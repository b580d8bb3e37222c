"""Suite: what is demanded of the evidence tables of one stage."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

Evidence = Mapping[str, pl.DataFrame]


def _nothing_more(_: Evidence) -> Evidence:
    return {}


@dataclass(frozen=True)
class Suite:
    """Evidence tables that must be there and may be there, the demands on each, and tables derived from them.

    `demands` is called when a verdict is due, since it imports Great Expectations.
    """

    required: frozenset[str]
    demands: Callable[[], Mapping[str, list[Expectation]]]
    optional: frozenset[str] = frozenset()
    derived: Callable[[Evidence], Evidence] = field(default=_nothing_more)


def has_rows() -> list[Expectation]:
    """The table is not empty: no evidence shows nothing."""
    from expectations.suites.sentences import ExpectEvidence

    return [ExpectEvidence(min_value=1)]


def holds(column: str, meaning: type[Expectation] | None = None) -> list[Expectation]:
    """Every value of a column is true, none is null.

    meaning  the expectation of `sentences` that says in words what true means here
    """
    from great_expectations import expectations as gxe

    values = meaning or gxe.ExpectColumnValuesToBeInSet
    return [gxe.ExpectColumnValuesToNotBeNull(column=column), values(column=column, value_set=[True])]


def lies_within(
    column: str, least: float | None = None, most: float | None = None, meaning: type[Expectation] | None = None
) -> list[Expectation]:
    """Every value of a column is a number from `least` to `most`, none is null; a missing end leaves that side open.

    meaning  the expectation of `sentences` that says in words what these bounds mean
    """
    from great_expectations import expectations as gxe

    values = meaning or gxe.ExpectColumnValuesToBeBetween
    return [
        gxe.ExpectColumnValuesToNotBeNull(column=column),
        values(column=column, min_value=least, max_value=most),
    ]
