"""The suite over selection: what is chosen and promoted follows validation and nothing of the test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.suites.suite import Suite, has_rows, holds

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation


def _demands() -> Mapping[str, list[Expectation]]:
    return {"selection": [*has_rows(), *holds("passed")]}


SELECTION = Suite(required=frozenset({"selection"}), demands=_demands)
