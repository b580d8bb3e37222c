"""Sentences: expectations whose meaning the stock ones do not say in words; Data Docs print them as they stand here.

Only code that has imported Great Expectations already may import this module: it takes seconds.
"""

from __future__ import annotations

from great_expectations import expectations as gxe


class ExpectEvidence(gxe.ExpectTableRowCountToBeBetween):  # type: ignore[misc]
    """The table has a row."""

    description: str = "There is evidence: a table without rows shows nothing."


class ExpectThePastToStay(gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """Every replay leaves the past as it was."""

    description: str = "The past stays when the future is rewritten: no row known at a decision changes, goes or comes."


class ExpectRowsInThePast(gxe.ExpectColumnValuesToBeBetween):  # type: ignore[misc]
    """Every column was compared somewhere."""

    description: str = "Every column of every table was compared in at least one row of the past."


class ExpectTheFutureToBeFelt(gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """What should follow the future does, so that the replay is known to reach it."""

    description: str = (
        "Rewriting the future does reach the column: later sessions of a feature move, and labels still open move."
    )


class ExpectNoRowAvailableAfterItsDecision(gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """What a decision reads was there before it."""

    description: str = "No row becomes available after the decision that reads it."


class ExpectOrdersThatCouldBeFilled(gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """Labels are trades that the exchange would have let happen."""

    description: str = "Every label could have been traded as it says: entered after its decision, filled, left later."


class ExpectOrdersThatCouldBeHad(gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """Orders are those that the exchange, the volume and the cash would have let happen."""

    description: str = "Every order and fill of the portfolio could have been had in the session that it names."


class ExpectOrdersThatKnewNoFuture(gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """What is asked for was settled before its session."""

    description: str = (
        "What is asked for follows neither its own session nor a later one, and what is locked or halted is refused."
    )


class ExpectWindowsApart(gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """Purging by true label intervals."""

    description: str = "Every label kept before a boundary is settled before the first decision behind it."


class ExpectNoKnowledgeOfTheTest(gxe.ExpectColumnValuesToBeInSet):  # type: ignore[misc]
    """What was learnt elsewhere ends before the test."""

    description: str = "No test window begins before the last day that an encoder of the experiment may know of."


class ExpectNoRowToBeLost(gxe.ExpectColumnValuesToBeBetween):  # type: ignore[misc]
    """Raw rows are kept or refused."""

    description: str = "No raw row is lost: each is kept, or refused with its reason."
