"""The suite over the portfolio: every order and fill could have been had, and nothing asked for knew its session."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from expectations.suites.suite import Suite, has_rows, holds, lies_within

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation


def _demands() -> Mapping[str, list[Expectation]]:
    from expectations.suites.sentences import ExpectOrdersThatCouldBeHad, ExpectOrdersThatKnewNoFuture

    def of(meaning: type[Expectation]) -> list[Expectation]:
        met, unbroken = lies_within("rows_checked", least=1), lies_within("rows_violating", most=0)
        return [*has_rows(), *holds("passed", meaning), *met, *unbroken]

    return {"orders": of(ExpectOrdersThatCouldBeHad), "orders_foretold": of(ExpectOrdersThatKnewNoFuture)}


PORTFOLIO = Suite(required=frozenset({"orders", "orders_foretold"}), demands=_demands)
