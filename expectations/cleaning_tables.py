"""Schemas of the cleaning rules: what they found, what they did with it, and what that meant."""

from __future__ import annotations

from typing import ClassVar

import dataframely as dy

from expectations.tables import Table, price

ACTIONS = "refused, changed, masked or flagged"


class Appearances(Table):
    """Where a ticker comes up, is listed anew, and is gone; the lives of reused tickers follow from it."""

    asset_key: ClassVar[str] = "cleaning/appearances"

    session = dy.Date(metadata={"definition": "session in which it is known"})
    ticker = dy.String(metadata={"definition": "code under which the exchange quotes a security"})
    event = dy.String(metadata={"definition": "appeared, relisted or vanished"})
    listed_on = dy.Date(nullable=True, metadata={"definition": "first session of the security, as the row tells it"})
    close = price("reference price where it comes, last close where it is gone")
    adj_factor = dy.Float64(nullable=True)
    last_session = dy.Date(nullable=True, metadata={"definition": "of one that is gone: session of its last row"})


class Marks(Table):
    """Every bar that a cleaning rule masks or flags, one row for each rule; the bar itself stays as it is."""

    asset_key: ClassVar[str] = "cleaning/marks"

    session = dy.Date(primary_key=True, metadata={"definition": "trading day"})
    security_id = dy.String(primary_key=True, metadata={"definition": "permanent identity of the security"})
    rule = dy.String(primary_key=True, metadata={"definition": "name of the rule"})
    version = dy.String(metadata={"definition": "day on which the rule took its present form"})
    action = dy.String(metadata={"definition": "masked: no member of the universe; flagged: only told"})
    value = dy.Float64(nullable=True, metadata={"definition": "what the rule saw, null where it has no figure"})
    reason = dy.String(metadata={"definition": "what was found, in words"})


class Ledger(Table):
    """Every row and every cell that a cleaning rule touched, with what stood there before and after."""

    asset_key: ClassVar[str] = "cleaning/ledger"

    session = dy.Date(nullable=True, metadata={"definition": "trading day, null where the raw row had none"})
    security_id = dy.String(nullable=True, metadata={"definition": "security; of a refused row as it was delivered"})
    rule = dy.String(metadata={"definition": "name of the rule"})
    version = dy.String(metadata={"definition": "day on which the rule took its present form"})
    action = dy.String(metadata={"definition": ACTIONS})
    column = dy.String(nullable=True, metadata={"definition": "column of the cell; null for the whole row"})
    before = dy.String(nullable=True, metadata={"definition": "value before, as text that reads back to the bit"})
    after = dy.String(nullable=True, metadata={"definition": "value after"})
    reason = dy.String(metadata={"definition": "what was found, in words"})
    delivery = dy.String(nullable=True, metadata={"definition": "file or generator of the raw row, null for marks"})
