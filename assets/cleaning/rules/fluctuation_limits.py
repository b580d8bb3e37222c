"""Fluctuation limits: from which deviation on the exchanges call the trading of a name abnormal, by board and date.

A stand-in for the rows of the dated rule book on abnormal fluctuation, in its columns; to read them from the rule book,
replace `LIMITS`.
"""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Limit(NamedTuple):
    """What holds from a date on for the names of a board, inside or outside special treatment.

    cumulated_3d       deviation over three sessions, summed, in either direction
    rise_10d, fall_10d severe deviation over ten sessions; a fall is negative
    rise_30d, fall_30d the same over thirty
    repeats_10d        abnormal fluctuations in one direction within ten sessions that count as severe
    turnover_multiple  mean turnover of three sessions over that of the five before
    turnover_3d        and at the same time shares traded in three sessions, as a share of all that can be traded
    """

    board: str
    is_st: bool
    effective_from: date
    cumulated_3d: float
    rise_10d: float
    fall_10d: float
    rise_30d: float
    fall_30d: float
    repeats_10d: int
    turnover_multiple: float
    turnover_3d: float
    source: str


_SEVERE = (1.0, -0.5, 2.0, -0.7)
_BEGAN, _TURN = date(1990, 12, 19), (30.0, 0.2)
LIMITS: tuple[Limit, ...] = (
    Limit("main", False, _BEGAN, 0.20, *_SEVERE, 4, *_TURN, "SSE and SZSE trading rules, abnormal fluctuation"),
    Limit("main", True, _BEGAN, 0.15, *_SEVERE, 4, *_TURN, "SSE and SZSE trading rules before 2026"),
    Limit("main", True, date(2026, 3, 1), 0.12, *_SEVERE, 4, *_TURN, "reasons of the exchanges' lists, 2026-03"),
    Limit("main", True, date(2026, 7, 6), 0.20, *_SEVERE, 4, *_TURN, "trading rules of 2026-07-06; not confirmed"),
    Limit("chinext", False, _BEGAN, 0.20, *_SEVERE, 4, *_TURN, "as the main board, until the ChiNext rules of 2020"),
    Limit("chinext", True, _BEGAN, 0.15, *_SEVERE, 4, *_TURN, "as the main board, until the ChiNext rules of 2020"),
    Limit("chinext", False, date(2020, 8, 24), 0.30, *_SEVERE, 3, *_TURN, "ChiNext special trading rules of 2020"),
    Limit("chinext", True, date(2020, 8, 24), 0.30, *_SEVERE, 3, *_TURN, "ChiNext special trading rules of 2020"),
    Limit("star", False, date(2019, 7, 22), 0.30, *_SEVERE, 3, *_TURN, "STAR special trading rules of 2019"),
    Limit("star", True, date(2019, 7, 22), 0.30, *_SEVERE, 3, *_TURN, "STAR special trading rules of 2019"),
    Limit("bse", False, date(2021, 11, 15), 0.40, *_SEVERE, 3, *_TURN, "BSE trading rules of 2021; to be confirmed"),
    Limit("bse", True, date(2021, 11, 15), 0.40, *_SEVERE, 3, *_TURN, "BSE trading rules of 2021; to be confirmed"),
)


def limits(
    column: str,
    boards: Sequence[str],
    board_ST: NDArray[np.int8],
    is_st_ST: NDArray[np.bool_],
    sessions: Sequence[date],
) -> NDArray[np.float64]:
    """One column of the limits for every cell, [S, T]; NaN where none holds.

    boards    the boards that the places in `board_ST` stand for
    sessions  dates of the T columns, in order
    """
    found_ST = np.full(board_ST.shape, np.nan)
    for limit in sorted(LIMITS, key=lambda limit: limit.effective_from):
        if limit.board not in boards:
            continue
        begun = sum(session < limit.effective_from for session in sessions)
        mine_ST = (board_ST[:, begun:] == boards.index(limit.board)) & (is_st_ST[:, begun:] == limit.is_st)
        found_ST[:, begun:][mine_ST] = getattr(limit, column)
    return found_ST
