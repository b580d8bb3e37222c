"""The suite over knowledge: no test window begins before the end of what an encoder has read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.suites.suite import Suite, has_rows, holds

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation


def _demands() -> Mapping[str, list[Expectation]]:
    from expectations.suites.sentences import ExpectNoKnowledgeOfTheTest

    return {"knowledge_cutoff": [*has_rows(), *holds("passed", ExpectNoKnowledgeOfTheTest)]}


KNOWLEDGE = Suite(required=frozenset({"knowledge_cutoff"}), demands=_demands)
