"""The suite over what is served: the stored forecasts are those of the saved models, of all members and seeds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.suites.suite import Suite, has_rows, holds, lies_within

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation


def _demands() -> Mapping[str, list[Expectation]]:
    same = [demand for name in ("changed", "missing", "added") for demand in lies_within(f"rows_{name}", most=0)]
    return {"forecasts_served": [*has_rows(), *holds("passed"), *same]}


SERVED = Suite(required=frozenset({"forecasts_served"}), demands=_demands)
