"""The suite over data: nothing is lost without a reason, little is refused, no month is empty.

No row is known before it was, and nobody is a member for what became of him.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.suites.suite import Suite, has_rows, holds, lies_within

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

LARGEST_REFUSED_SHARE = 0.1


def _demands() -> Mapping[str, list[Expectation]]:
    from expectations.suites.sentences import ExpectNoRowToBeLost

    return {
        "counts": [
            *has_rows(),
            *lies_within("rows_unaccounted", least=0, most=0, meaning=ExpectNoRowToBeLost),
            *lies_within("refused_share", most=LARGEST_REFUSED_SHARE),
            *lies_within("sessions", least=1),
        ],
        "vintage": [*has_rows(), *holds("passed"), *lies_within("rows_violating", most=0)],
        "stamps": [*has_rows(), *holds("passed")],
        "membership": [*has_rows(), *holds("passed")],
    }


DATA = Suite(required=frozenset({"counts", "vintage", "stamps", "membership"}), demands=_demands)
