"""Truth: schemas of what a market with a known law says of the future, and who may read it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import dataframely as dy

from expectations.tables import Table

STAGE = "truth"
READERS = (STAGE, "evaluation")
"""Stages whose tables may be made of the truth; what is known after a session is not, nor what is trained on it."""


class ExpectedReturns(Table):
    """What the law of an embedded market says of each label that can be traded, given all known after the session.

    One row per session, security that trades in it, and horizon. `total` is the expected return; the columns after
    `noise_scale` are its parts, one for each thing that this market's law has, and add up to it in logs. No feature,
    target or model reads this table: join it with forecasts to see how much of what can be foretold was found.
    """

    asset_key: ClassVar[str] = "truth/expected_returns"

    session = dy.Date(primary_key=True, metadata={"definition": "session after which the decision is made"})
    security_id = dy.String(
        primary_key=True, metadata={"definition": "code as in raw.bars, also in the second life of a reused one"}
    )
    horizon = dy.Int32(primary_key=True, min=1, metadata={"unit": "sessions from entry to exit"})
    total = dy.Float32(
        metadata={"definition": "expected return from the VWAP of t+1 to that of t+1+h", "unit": "simple return"}
    )
    noise_scale = dy.Float32(
        min=0, metadata={"definition": "deviation around total that is not the market's", "unit": "simple return"}
    )


def expected_returns(parts: Mapping[str, str]) -> type[ExpectedReturns]:
    """The table of a market whose truth has these parts: name -> what earns it."""
    columns = {
        name: dy.Float32(metadata={"definition": definition, "unit": "simple return"})
        for name, definition in parts.items()
    }
    return type("ExpectedReturns", (ExpectedReturns,), {"__doc__": ExpectedReturns.__doc__, **columns})


def is_truth(key: str) -> bool:
    """Whether an asset is one of the truth's."""
    return key.split("/", maxsplit=1)[0] == STAGE
