"""Mapping checks: what a single setting of a mapping must be, each with a sentence that says what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, time
from pathlib import Path, PurePath
from typing import TypeVar

import polars as pl

SECURITY_ID = r"^[a-z]{2}\d{6}$"
CLOSE = time(15)
PATTERNS_TRIED_IN = Path("/no/such/folder")

Boards = TypeVar("Boards", bound=Mapping[str, tuple[str, ...]])


def lies_in_the_folder(files: str) -> str:
    """A pattern that leads out of the folder, or nowhere, is refused."""
    parts = PurePath(files).parts
    if not parts or PurePath(files).is_absolute() or ".." in parts:
        raise ValueError("it must be a pattern inside the folder, such as '*.csv'")
    try:
        next(PATTERNS_TRIED_IN.glob(files), None)
    except (ValueError, NotImplementedError, re.error) as error:
        raise ValueError(f"it is no pattern of files ({error}); write one such as '*.csv'") from None
    return files


def gives_dates_back(pattern: str) -> str:
    """A pattern from which a date does not come back whole is refused."""
    day = pl.Series([date(2015, 6, 21)])
    try:
        found = day.dt.strftime(pattern).str.to_date(pattern).item()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        found = None
    if found != day.item():
        raise ValueError("it does not say year, month and day; write it as '%Y-%m-%d' or '%Y%m%d'")
    return pattern


def gives_one_board(board: Boards) -> Boards:
    """Prefixes must be beginnings of our security_id, and none may begin one of another board."""
    named = [(prefix, name) for name, prefixes in board.items() for prefix in prefixes]
    if not named:
        raise ValueError("it names no prefix, so that no row had a board; write for instance main: [sh60, sz00]")
    if odd := [prefix for prefix, _ in named if not re.fullmatch(r"[a-z]{2}\d{0,6}", prefix)]:
        raise ValueError(f"{odd} cannot begin a security_id; write the exchange in lower case, then digits: sh60")
    for prefix, name in named:
        if longer := [other for other, second in named if second != name and other.startswith(prefix)]:
            raise ValueError(f"codes that begin with '{longer[0]}' would be on two boards, since '{prefix}' is {name}")
    return board


def is_a_pattern(text: str) -> str:
    """A regular expression that cannot be read is refused."""
    try:
        pl.select(pl.lit("").str.contains(text))
    except pl.exceptions.ComputeError as error:
        raise ValueError(f"it is no regular expression ({error}); write one such as '^S[^T]'") from None
    return text


def names_securities(refuse: dict[str, str]) -> dict[str, str]:
    """A code that is not written in our way would refuse nothing."""
    if odd := [code for code in refuse if not re.match(SECURITY_ID, code)]:
        raise ValueError(f"{odd} is no security_id; write it as sh600000")
    return refuse


def comes_after_the_close(known: time) -> time:
    """A session's bar cannot be known while it trades."""
    if known.tzinfo is not None or known < CLOSE:
        raise ValueError("it must be a time of day in Shanghai, without a zone and not before the close at 15:00")
    return known
