"""Attendance: sessions for which far fewer names have a row than usual, so that the delivery is probably not whole."""
# S securities, T sessions

from __future__ import annotations

import numpy as np
import polars as pl

from assets.cleaning.rules.market import Market
from assets.cleaning.rules.rule import Found, Mark

USUAL_OVER = 20
LEAST_SHARE = 0.8


def thin_session(market: Market) -> Found:
    """Every row of a session with fewer than 80% of the rows that the 20 sessions before it had in the median.

    Suspended names have rows, so a wave of suspensions is not meant. Value: rows over that median. A date on which
    hardly anyone has a row is no session at all (`cleaning/calendar`), and its rows are refused.
    """
    rows_T = pl.Series(market.has_row_ST.sum(axis=0), dtype=pl.Float64)
    usual_T = rows_T.shift(1).rolling_median(USUAL_OVER, min_samples=USUAL_OVER // 2)
    share_T = (rows_T / usual_T).fill_null(np.nan).to_numpy()
    where_ST = market.has_row_ST & (share_T < LEAST_SHARE)
    return Found(where_ST, "rows of the session at {} of the usual", np.broadcast_to(share_T, where_ST.shape))


THIN_SESSION = Mark("thin_session", "flagged", thin_session, USUAL_OVER, "2026-11-22")
