"""Lot sizes: the dated smallest orders, steps and largest orders of each board, as rows of the rule book.

Main board and ChiNext: hundreds, and an odd remainder is sold at once. STAR: from 200 shares on, one by one. Beijing:
from 100 shares on, one by one. There a remainder below the smallest order is sold in one order.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.rule_book import BOARDS, look_up

LOT_RULES = ("lot_minimum", "lot_step", "lot_cap_limit", "lot_cap_market")


def lots(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with lot_minimum, lot_step, lot_cap_limit and lot_cap_market, in shares of one order.

    frame  columns session and board; null before the board opened
    """
    return look_up(frame, *LOT_RULES)


def lots_by_session(sessions: Sequence[date]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Smallest order and step, [T, boards] in the order of BOARDS; before a board opened those of its first day."""
    days = pl.DataFrame({"session": pl.Series("session", sessions, dtype=pl.Date)})
    frame = lots(days.join(pl.DataFrame({"board": BOARDS}), how="cross", maintain_order="left_right"))
    latest = lots(pl.DataFrame({"board": BOARDS}).with_columns(session=pl.lit(date.max)))
    shape = (len(days), len(BOARDS))
    found = []
    for rule in LOT_RULES[:2]:
        dated = frame[rule].cast(pl.Float64).fill_null(float("nan")).to_numpy().reshape(shape)
        found.append(np.where(np.isnan(dated), latest[rule].cast(pl.Float64).to_numpy(), dated))
    return found[0], found[1]
