"""Unit fault: bars whose amount and volume cannot be in the units that are claimed for them."""

from __future__ import annotations

import polars as pl

TOLERANCE = 1.25
SLIPS = {
    100: "volume is probably in lots of 100 shares",
    0.01: "volume is probably in shares, not in lots",
    1000: "amount is probably in yuan, not in thousands",
    0.001: "amount is probably in thousands of yuan",
    10: "volume is probably in shares, not in lots, and amount in yuan, not in thousands",
    0.1: "volume is probably in lots and amount in thousands of yuan",
}


def unit_fault(rows: pl.DataFrame, correction: str) -> str | None:
    """A sentence when amount / volume is far from the close in the median, None when it is near or cannot be told.

    rows        columns close, volume (shares) and amount (yuan)
    correction  the sentence that says what to do
    """
    traded = rows.filter((pl.col("volume") > 0) & (pl.col("close") > 0) & (pl.col("amount") > 0))
    ratios = traded.select(pl.col("amount") / pl.col("volume") / pl.col("close")).to_series()
    ratio = ratios.filter(ratios.is_finite()).median()
    if not isinstance(ratio, float) or 1 / TOLERANCE <= ratio <= TOLERANCE:
        return None
    slips = (why for size, why in SLIPS.items() if 1 / TOLERANCE <= ratio / size <= TOLERANCE)
    why = next(slips, "prices may be adjusted ones, where they must be as traded")
    return (
        f"amount / volume is {ratio:.4g} times the close in the median of {traded.height} rows; "
        f"it must lie between {1 / TOLERANCE} and {TOLERANCE}: {why}. {correction}"
    )
