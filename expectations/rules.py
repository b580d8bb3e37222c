"""Rules: what evidence tells of one rule: how many rows it looked at, how many broke it, and the first that did."""

from __future__ import annotations

import polars as pl

from expectations.comparison import place


def rule(name: str, frame: pl.DataFrame, holds: pl.Expr) -> dict[str, object]:
    """A row of EXECUTION; a row on which the rule says nothing breaks it, and one that met no row fails."""
    broken = frame.filter(~holds.fill_null(value=False))
    return counted(name, frame.height, broken.height, broken)


def counted(name: str, checked: int, violating: int, broken: pl.DataFrame | None = None) -> dict[str, object]:
    """A row of EXECUTION of counts that were made elsewhere; `broken` holds what broke it."""
    return {
        "rule": name,
        "rows_checked": checked,
        "rows_violating": violating,
        "first_example": place(broken.row(0, named=True)) if broken is not None and broken.height else None,
        "passed": checked > 0 and violating == 0,
    }
