"""Regimes: whether the market was calm or wild, had fallen or risen, by what was known after each session."""
# T sessions

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Groups = NDArray[np.int16]

REGIMES = {
    "market volatility": ("calm", "usual", "wild"),
    "market return": ("fallen", "usual", "risen"),
}
NOT_KNOWN = np.int16(-1)
WINDOW = {"market volatility": 20, "market return": 60}
LEAST_BEFORE = 60
"""Sessions with a value, itself counted, before a session is called calm or wild beside them."""


def regimes(bars: pl.DataFrame) -> tuple[pl.Series, dict[str, Groups]]:
    """The sessions of the bars, and the third in which each lies among all up to it, 0, 1 or 2, -1 where not known.

    The market is the plain mean over the traded names of close over the ex-right reference price; its volatility is
    the standard deviation of 20 sessions, its return the sum of 60. No later session has a part in a third.
    """
    traded = bars.filter(~pl.col("is_suspended")).sort("session", "security_id")
    moved = traded.select("session", moved=(pl.col("close") / pl.col("prev_close") - 1).fill_nan(None))
    mean = moved.group_by("session", maintain_order=True).agg(pl.col("moved").mean())
    days = pl.DataFrame({"session": bars["session"].unique().sort()}).join(mean, on="session", how="left")
    market_T = days["moved"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    told = {
        "market volatility": _trailing(market_T, WINDOW["market volatility"]).std(axis=1),
        "market return": _trailing(market_T, WINDOW["market return"]).sum(axis=1),
    }
    return days["session"], {name: thirds(values_T) for name, values_T in told.items()}


def thirds(values_T: Floats) -> Groups:
    """Third of each value among those up to it, counted in whole numbers; -1 for NaN, and where fewer than 60 are."""
    found_T = np.full(len(values_T), NOT_KNOWN)
    known = np.flatnonzero(~np.isnan(values_T))
    for many, place in enumerate(known, start=1):
        if many >= LEAST_BEFORE:
            below = int(np.count_nonzero(values_T[known[:many]] < values_T[place]))
            found_T[place] = 3 * below // many
    return found_T


def _trailing(values_T: Floats, window: int) -> Floats:
    """The `window` values up to each, [T, window]; NaN where that reaches before the first."""
    padded = np.concatenate([np.full(window - 1, np.nan), values_T])
    return np.lib.stride_tricks.sliding_window_view(padded, window)
