"""Forecasts apart: where two sets of forecasts differ, row by row."""

from __future__ import annotations

import polars as pl

KEYS = ["session", "security_id"]
STATED = ("forecast", "noise_scale", "probability", "probability_std")


def forecasts_apart(before: pl.DataFrame, after: pl.DataFrame, tolerance: float = 0.0) -> dict[str, object]:
    """Rows of two sets of forecasts: in both, other, gone, and new, with the first one in words.

    before, after  session, security_id and, where values are compared too, forecast and what else is stated
    tolerance      how far two values of a row may lie apart, in standard deviations of the first set; 0: no bit
    returns        rows_compared, rows_changed, rows_missing, rows_added, first_example, passed
    """
    missing, added = before.join(after, on=KEYS, how="anti"), after.join(before, on=KEYS, how="anti")
    both = before.join(after, on=KEYS, how="inner", suffix="_after").sort(KEYS)
    told = [name for name in STATED if f"{name}_after" in both.columns]
    changed = both.filter(pl.any_horizontal(pl.lit(value=False), *(_apart(both, name, tolerance) for name in told)))
    examples = [
        *(_words(row, _moved(row, told)) for row in _first(changed)),
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


def _apart(both: pl.DataFrame, name: str, tolerance: float) -> pl.Expr:
    other = pl.col(name).ne_missing(pl.col(f"{name}_after"))
    if not tolerance:
        return other
    spread = both[name].std()
    near = (pl.col(name) - pl.col(f"{name}_after")).abs() <= tolerance * (spread or 0.0)
    return other & ~near.fill_null(value=False)


def _moved(row: dict[str, object], told: list[str]) -> str:
    name = next((name for name in told if row[name] != row[f"{name}_after"]), told[0])
    return f"{name} {row[name]} before, {row[f'{name}_after']} after"


def _first(rows: pl.DataFrame) -> list[dict[str, object]]:
    return rows.sort(KEYS).head(1).to_dicts()


def _words(row: dict[str, object], found: str) -> str:
    return f"{row['security_id']} {row['session']}: {found}"
