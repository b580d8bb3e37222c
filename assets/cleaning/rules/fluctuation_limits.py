"""Fluctuation limits: from which deviation on the exchanges call the trading of a name abnormal, by board and date."""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

# Severe fluctuation came with the rules of 2020 (ChiNext, STAR), 2021 (BSE) and 2023 (main boards). Sessions before
# are judged by its first limits too, so that one measure holds over the whole span.
SEVERE_SINCE = date(2023, 4, 10)
SEVERE = ("deviation_10d_low", "deviation_10d_high", "deviation_30d_low", "deviation_30d_high", "same_direction_10d")
BOARDS = ("main", "chinext", "star", "bse")


class Limit(NamedTuple):
    """What holds from a date on for the names of a board, inside or outside special treatment; returns as fractions."""

    board: str
    is_st: bool
    effective_from: date
    deviation_3d_low: float
    deviation_3d_high: float
    deviation_10d_low: float
    deviation_10d_high: float
    deviation_30d_low: float
    deviation_30d_high: float
    same_direction_10d: int
    turnover_3d: float | None
    turnover_multiple: float | None
    source: str


def _limit(board: str, is_st: bool, start: date, reach: float, repeats: int, has_turnover: bool, source: str) -> Limit:
    share, multiple = (0.2, 30.0) if has_turnover else (None, None)
    return Limit(board, is_st, start, -reach, reach, -0.5, 1.0, -0.7, 2.0, repeats, share, multiple, source)


_MAIN, _OLD = "SSE and SZSE trading rules", "as the main board until the ChiNext rules of 2020"
_NEW, _STAR, _BSE = "ChiNext special trading rules of 2020", "STAR special trading rules of 2019", "BSE rules of 2021"
LIMITS: tuple[Limit, ...] = (
    _limit("main", False, date(2006, 7, 1), 0.20, 4, True, _MAIN),
    _limit("main", True, date(2006, 7, 1), 0.15, 4, True, f"{_MAIN} before 2023"),
    _limit("main", True, date(2023, 4, 10), 0.12, 4, True, f"{_MAIN} of 2023; the date is not confirmed"),
    _limit("main", True, date(2026, 7, 6), 0.20, 4, True, f"{_MAIN} of 2026; not confirmed"),
    _limit("chinext", False, date(2009, 10, 30), 0.20, 4, True, _OLD),
    _limit("chinext", True, date(2009, 10, 30), 0.15, 4, True, _OLD),
    *(_limit("chinext", is_st, date(2020, 8, 24), 0.30, 3, False, _NEW) for is_st in (False, True)),
    *(_limit("star", is_st, date(2019, 7, 22), 0.30, 3, False, _STAR) for is_st in (False, True)),
    *(_limit("bse", is_st, date(2021, 11, 15), 0.40, 3, False, f"{_BSE}; not confirmed") for is_st in (False, True)),
)


def thresholds(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` (columns session, board, is_st) with the limits that hold for each row; null where there is none.

    It stands in for the dated rule book, in its columns.
    """
    book = pl.DataFrame(LIMITS, schema=list(Limit._fields), orient="row", infer_schema_length=None)
    dated = book.rename({"effective_from": "session"}).drop("source").sort("session")
    asked = frame.with_row_index("_row").sort("session")
    found = asked.join_asof(dated, on="session", by=["board", "is_st"], check_sortedness=False)
    return found.sort("_row").drop("_row")


def limits(
    column: str, board_ST: NDArray[np.int8], is_st_ST: NDArray[np.bool_], sessions: Sequence[date]
) -> NDArray[np.float64]:
    """One column of the limits for every cell, [S, T]; NaN where there is none.

    board_ST  places in BOARDS, -1 for none
    sessions  dates of the T columns
    """
    if not sessions:
        return np.full(board_ST.shape, np.nan)
    first = SEVERE_SINCE if column in SEVERE else date.min
    cases = pl.DataFrame(
        [(max(session, first), board, is_st) for board in BOARDS for is_st in (False, True) for session in sessions],
        schema={"session": pl.Date, "board": pl.String, "is_st": pl.Boolean},
        orient="row",
    )
    said = thresholds(cases)[column].cast(pl.Float64).fill_null(np.nan).to_numpy()
    by_case = said.reshape(len(BOARDS), 2, len(sessions))
    found_ST = by_case[board_ST, is_st_ST.astype(np.intp), np.arange(len(sessions))]
    return np.where(board_ST >= 0, found_ST, np.nan)
