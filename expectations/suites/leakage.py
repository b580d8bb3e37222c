"""The suite over leakage: the past stays, what should follow the future does, and orders could be filled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import polars as pl

from expectations.evidence import COVERAGE, FUTURE_PERTURBATION, LIVENESS
from expectations.suites.suite import Evidence, Suite, has_rows, holds, lies_within

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation


def _demands() -> Mapping[str, list[Expectation]]:
    from expectations.suites import sentences as said

    untouched = [demand for name in ("changed", "missing", "added") for demand in lies_within(f"rows_{name}", most=0)]
    return {
        "future_perturbation": [*has_rows(), *holds("passed", said.ExpectThePastToStay), *untouched],
        "adjustment_invariance": [*has_rows(), *holds("passed"), *lies_within("rows_changed", most=0)],
        "coverage": [*has_rows(), *lies_within("rows_compared", least=1, meaning=said.ExpectRowsInThePast)],
        "liveness": [*has_rows(), *holds("alive", said.ExpectTheFutureToBeFelt)],
        "timestamp_order": [*has_rows(), *holds("passed", said.ExpectNoRowAvailableAfterItsDecision)],
        "input_order": [
            *has_rows(),
            *holds("passed", said.ExpectNoRowAvailableAfterItsDecision),
            *lies_within("rows_undated", most=0),
        ],
        **{
            name: [
                *has_rows(),
                *holds("passed", said.ExpectOrdersThatCouldBeFilled),
                *lies_within("rows_violating", most=0),
            ]
            for name in ("execution", "fills", "label_intervals")
        },
        **_purge_demands(),
    }


def _purge_demands() -> Mapping[str, list[Expectation]]:
    from expectations.suites.sentences import ExpectWindowsApart

    return {
        "purge": [
            *has_rows(),
            *holds("passed", ExpectWindowsApart),
            *lies_within("rows_unsettled", most=0),
            *lies_within("gap_hours", least=0),
        ]
    }


def _derived(evidence: Evidence) -> Evidence:
    """Over all decisions, how many rows of each column were compared, and whether it ever followed the future."""
    found = evidence.get("future_perturbation")
    if found is None or set(found.columns) != set(FUTURE_PERTURBATION):
        return {"coverage": COVERAGE.to_frame(), "liveness": LIVENESS.to_frame()}
    columns = found.group_by("table", "column", maintain_order=True)
    return {
        "coverage": columns.agg(pl.col("rows_compared").sum()),
        "liveness": columns.agg(pl.col("alive").drop_nulls().any(), asked=pl.col("alive").count())
        .filter(pl.col("asked") > 0)
        .select(LIVENESS.names()),
    }


LEAKAGE = Suite(
    required=frozenset(
        {
            "future_perturbation",
            "adjustment_invariance",
            "timestamp_order",
            "input_order",
            "execution",
            "fills",
            "label_intervals",
        }
    ),
    optional=frozenset({"purge"}),
    demands=_demands,
    derived=_derived,
)
PURGE = Suite(required=frozenset({"purge"}), demands=_purge_demands)
