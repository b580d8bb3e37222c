"""The suite over data: nothing is lost without a reason, little is refused, and no month is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.suites.suite import Suite, has_rows, lies_within

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
        ]
    }


DATA = Suite(required=frozenset({"counts"}), demands=_demands)
