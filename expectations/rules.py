"""Rules: what evidence tells of one rule: how many rows it looked at, how many broke it, and the first that did."""

from __future__ import annotations

import polars as pl

from expectations.comparison import place


def rule(name: str, frame: pl.DataFrame, holds: pl.Expr) -> dict[str, object]:
    """A row of EXECUTION; a row on which the rule says nothing breaks it, and one that met no row fails."""
    broken = frame.filter(~holds.fill_null(value=False))
    return {
        "rule": name,
        "rows_checked": frame.height,
        "rows_violating": broken.height,
        "first_example": place(broken.row(0, named=True)) if broken.height else None,
        "passed": frame.height > 0 and broken.height == 0,
    }
