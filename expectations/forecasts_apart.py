"""Forecasts apart: where two sets of forecasts differ, row by row."""

from __future__ import annotations

import polars as pl

KEYS = ["session", "security_id"]


def forecasts_apart(before: pl.DataFrame, after: pl.DataFrame, tolerance: float = 0.0) -> dict[str, object]:
    """Rows of two sets of forecasts: in both, other, gone, and new, with the first one in words.

    before, after  session, security_id and, where values are compared too, forecast
    tolerance      how far two forecasts of a row may lie apart, in standard deviations of the first set; 0: no bit
    returns        rows_compared, rows_changed, rows_missing, rows_added, first_example, passed
    """
    missing, added = before.join(after, on=KEYS, how="anti"), after.join(before, on=KEYS, how="anti")
    both = before.join(after, on=KEYS, how="inner", suffix="_after").sort(KEYS)
    changed = both.clear()
    if "forecast" in both.columns:
        changed = both.filter(_apart(both, tolerance))
    examples = [
        *(_words(row, f"{row['forecast']} before, {row['forecast_after']} after") for row in _first(changed)),
        *(_words(row, "no forecast after") for row in _first(missing)),
        *(_words(row, "no forecast before") for row in _first(added)),
    ]
    counts = {"rows_changed": changed.height, "rows_missing": missing.height, "rows_added": added.height}
    return {
        "rows_compared": both.height,
        **counts,
        "first_example": examples[0] if examples else None,
        "passed": both.height > 0 and not any(counts.values()),
    }


def _apart(both: pl.DataFrame, tolerance: float) -> pl.Expr:
    other = pl.col("forecast").ne_missing(pl.col("forecast_after"))
    if not tolerance:
        return other
    spread = both["forecast"].std()
    near = (pl.col("forecast") - pl.col("forecast_after")).abs() <= tolerance * (spread or 0.0)
    return other & ~near.fill_null(value=False)


def _first(rows: pl.DataFrame) -> list[dict[str, object]]:
    return rows.sort(KEYS).head(1).to_dicts()


def _words(row: dict[str, object], found: str) -> str:
    return f"{row['security_id']} {row['session']}: {found}"
