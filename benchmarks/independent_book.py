"""Independent rule book: random cases of price limits, and what `marina-rules` says on each or why it says nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np

LAST_DAY = date(2026, 10, 30)
NO_LIMIT = (None, None)

# security_id, board, first session of the board, exchange as the independent book names it
VENUES = (
    ("sh600000", "main", date(2005, 1, 4), "XSHG"),
    ("sz000001", "main", date(2005, 1, 4), "XSHE"),
    ("sz300001", "chinext", date(2009, 10, 30), "XSHE"),
    ("sh688001", "star", date(2019, 7, 22), "XSHG"),
    ("bj430001", "bse", date(2021, 11, 15), "BJSE"),
)
STATES = ("ordinary", "st", "listing", "delisting")


def random_case(rng: np.random.Generator) -> dict[str, Any]:
    """One security, session, state and reference price; every board, state and year is drawn often."""
    security, board, opened, market = VENUES[rng.integers(len(VENUES))]
    state = STATES[rng.integers(len(STATES))]
    session = opened + timedelta(days=int(rng.integers((LAST_DAY - opened).days)))
    if rng.random() < 0.2:  # near the dates on which rules change
        near = (date(2014, 6, 13), date(2020, 8, 24), date(2020, 12, 31), date(2023, 4, 10), date(2026, 7, 6))
        session = max(opened, near[rng.integers(len(near))] + timedelta(days=int(rng.integers(-7, 8))))
    since = int(rng.integers(8)) if state == "listing" else None
    listed = max(opened, session - timedelta(days=since)) if since is not None else None
    scale = (0.1, 3.0, 30.0)[rng.integers(3)]
    case = {
        "session": session,
        "security_id": security,
        "board": board,
        "is_st": state == "st",
        "listed_on": listed,
        "sessions_since_listing": (session - listed).days if listed else None,
        "sessions_into_delisting": int(rng.integers(3)) if state == "delisting" else None,
        "prev_close": max(1, round(100 * scale * float(np.exp(rng.normal())))) / 100,
        "market": market,
    }
    return {**case, "scope": scope_of(case)}


def scope_of(case: Mapping[str, Any]) -> str:
    """The name that the independent book has for such a security on such a day."""
    board, into, since = case["board"], case["sessions_into_delisting"], case["sessions_since_listing"]
    own = {"main": "", "chinext": "_chinext", "star": "_star", "bse": "_bse"}[board]
    if into is not None:
        first = {"main": "", "chinext": "", "star": "_star", "bse": "_bse"}[board]
        return f"delisting_day1{first}" if into == 0 else f"delisting{own}"
    if since is not None and (window := listing_window(case)) and since < window[1]:
        return window[0]
    return f"st{own or '_main'}" if case["is_st"] else {"main": "main_board"}.get(board, board)


def listing_window(case: Mapping[str, Any]) -> tuple[str, int]:
    """The book's scope of the first sessions, and how many they are, by the day of the listing."""
    registered = {"main": date(2023, 4, 10), "chinext": date(2020, 8, 24), "star": date(2019, 7, 22)}
    if case["board"] == "bse":
        return "ipo_day1_bse", 1
    if case["listed_on"] < registered[case["board"]]:
        return "ipo_day1_main", 1
    return f"ipo_first5_{case['board']}", 5


def oracle_limits(case: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """What the independent book says; LookupError where it says nothing."""
    import marina_rules  # type: ignore[import-untyped]

    day = case["session"].isoformat()
    limits = marina_rules.limit_price(case["prev_close"], case["scope"], day, case["market"])
    return NO_LIMIT if limits is None else limits


def why_silent(case: Mapping[str, Any]) -> str:
    """The reason for which the independent book has no row; anything else would be our mistake and is raised."""
    session, scope = case["session"], case["scope"]
    if scope.startswith("delisting") and session < date(2013, 1, 1):
        return "no delisting period existed before 2012-12-17 (SZSE) and 2013-01-01 (SSE)"
    if scope in ("delisting_day1", "delisting_chinext") and date(2020, 8, 24) <= session < date(2020, 12, 31):
        return "its own gaps G-0016 and G-0017: one scope for main board (10%) and ChiNext (10% or 20% by day of entry)"
    raise LookupError(f"the independent book is silent on {scope} on {session} without a known reason")
