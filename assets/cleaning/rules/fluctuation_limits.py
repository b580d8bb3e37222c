"""Fluctuation limits: from which deviation on the exchanges call trading abnormal, for every cell of the wide arrays.

The rule book says what held when. Severe fluctuation came in 2019 to 2023, by board; sessions before that are judged by
the first severe limits of their board, so that one measure holds over the whole span.
"""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache, lru_cache

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.rule_book import BOARDS, abnormal_fluctuation, rule_book

SEVERE_RULES = ("deviation_10d", "deviation_30d", "same_direction_10d")


def limits(
    column: str, board_ST: NDArray[np.int8], is_st_ST: NDArray[np.bool_], sessions: Sequence[date]
) -> NDArray[np.float64]:
    """One column of `abnormal_fluctuation` for every cell, [S, T]; NaN where there is no limit.

    board_ST  places in BOARDS, -1 for none
    sessions  dates of the T columns
    """
    if not sessions:
        return np.full(board_ST.shape, np.nan)
    said = _said(tuple(sessions), column.startswith(SEVERE_RULES))[column].cast(pl.Float64).fill_null(np.nan)
    by_case = said.to_numpy().reshape(len(BOARDS), 2, len(sessions))
    found_ST = by_case[board_ST, is_st_ST.astype(np.intp), np.arange(len(sessions))]
    return np.where(board_ST >= 0, found_ST, np.nan)


@lru_cache(maxsize=8)
def _said(sessions: tuple[date, ...], is_severe: bool) -> pl.DataFrame:
    """The limits for each board, inside or outside special treatment, and session, in this order."""
    first = severe_since() if is_severe else dict.fromkeys(BOARDS, date.min)
    cases = [
        (max(session, first[board]), board, is_st)
        for board in BOARDS
        for is_st in (False, True)
        for session in sessions
    ]
    schema = {"session": pl.Date, "board": pl.String, "is_st": pl.Boolean}
    return abnormal_fluctuation(pl.DataFrame(cases, schema=schema, orient="row"))


@cache
def severe_since() -> dict[str, date]:
    """Board -> the first date on which all its criteria of severe fluctuation hold."""
    begun = rule_book().filter(pl.col("rule").is_in(SEVERE_RULES)).group_by("rule", "board").agg(pl.col("from").min())
    return dict(begun.group_by("board").agg(pl.col("from").max()).iter_rows())
