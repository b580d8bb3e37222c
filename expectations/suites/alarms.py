"""The suite over alarms: nothing is too good to be true, and nothing looks like a leak; it warns and stops nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.suites.suite import Suite, has_rows, holds

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

OF_MARKET = ("too_good_columns", "lag_scan", "adversarial_columns", "static_scan")
OF_EXPERIMENTS = ("too_good_forecasts", "adversarial_inputs")


def _demands() -> Mapping[str, list[Expectation]]:
    return {
        **{name: [*has_rows(), *holds("passed")] for name in OF_MARKET},
        **{name: holds("passed") for name in OF_EXPERIMENTS},
    }


ALARMS = Suite(required=frozenset({*OF_MARKET, *OF_EXPERIMENTS}), demands=_demands)
