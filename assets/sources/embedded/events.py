"""Market events: who is suspended or under special treatment when, which rights go off, and how far prices may move.

Events are drawn without regard to returns, so none of them foretells one.
"""
# T sessions, S securities

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import ndtr

from assets.sources.embedded.listings import DELISTING_PERIOD, HALT_BEFORE, STAR_OPENED, Listings
from assets.sources.embedded.streams import Bools, Floats, Streams

CHINEXT_WIDENED = date(2020, 8, 24)
ST_WIDENED = date(2026, 7, 6)
FIRST_SESSION_LIMITED = {"sh": date(2013, 12, 13), "sz": date(2014, 6, 13)}
REGISTRATION = {"main": date(2023, 4, 10), "chinext": CHINEXT_WIDENED, "star": STAR_OPENED}
UNLIMITED_SESSIONS = 5
ST_BEFORE_DELISTING = 250
NO_LIMIT = 100_000
"""Percent; a move that no session makes."""


class Switches(BaseModel):
    """Which habits of an exchange the market has. Off means absent, not merely rare."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suspensions: bool = True
    st: bool = True
    new_listings: bool = True
    delistings: bool = True
    issue_runs: bool = Field(True, description="new listings start far below their value and run up, limit by limit")
    dividends: bool = True
    splits: bool = True
    limits: bool = True
    pumps: bool = True
    premia: bool = True
    reactions: bool = Field(True, description="statements and news move the price when they come")


class EventLaw(BaseModel):
    """How often events come."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suspension_rate: float = Field(0.0026, ge=0, le=0.1, description="of starts, per session and security")
    long_suspension_share: float = Field(0.45, ge=0, le=1)
    long_suspension_sessions: tuple[int, int] = Field((5, 71), description="shortest and one above the longest")
    issue_discount: tuple[float, float] = Field((0.8, 2.2), description="range of log value over log issue price")


@dataclass(frozen=True)
class Events:
    """Drawn events of every security."""

    is_st_TS: Bools
    is_suspended_TS: Bools
    percent_up_TS: NDArray[np.int32]
    percent_down_TS: NDArray[np.int32]
    dividend_yield: dict[int, Floats]  # by place of the session, [S]
    bonus_shares: dict[int, Floats]  # new shares per old one
    issue_discount_S: Floats  # log value over issue price of a new listing


def draw_events(
    streams: Streams, sessions: Sequence[date], listings: Listings, law: EventLaw, switches: Switches
) -> Events:
    """All events of a market; each kind has its own random stream."""
    shape = (len(sessions), len(listings.securities))
    is_listed_TS = listings.is_listed
    is_st_TS = _st_spells(streams, listings) & is_listed_TS if switches.st else np.zeros(shape, bool)
    is_suspended_TS = _suspensions(streams, shape, law) if switches.suspensions else np.zeros(shape, bool)
    is_suspended_TS &= np.arange(shape[0])[:, None] > listings.first_S
    _halt_before_delisting(is_suspended_TS, listings)
    up_TS, down_TS = _percent(sessions, listings, is_st_TS)
    yields, bonuses = _rights(streams, sessions, shape[1], switches)
    lowest, highest = law.issue_discount
    runs_S = listings.is_new_S & switches.issue_runs & switches.limits
    discount_S = streams.fixed("issue").uniform(lowest, highest, shape[1]) * runs_S
    return Events(is_st_TS, is_suspended_TS & is_listed_TS, up_TS, down_TS, yields, bonuses, discount_S)


def _st_spells(streams: Streams, listings: Listings) -> Bools:
    """At most one spell of special treatment per security of a main board, and the one before its delisting, [T, S]."""
    rng = streams.fixed("st")
    many, securities = listings.sessions, len(listings.securities)
    start_S = rng.integers(-200, max(1, many), securities)
    length_S = rng.integers(120, 300, securities) * (rng.random(securities) < 0.2)
    over_S = listings.end_S - DELISTING_PERIOD
    start_S = np.where(listings.is_delisted, over_S - ST_BEFORE_DELISTING, start_S)
    length_S = np.where(listings.is_delisted, ST_BEFORE_DELISTING, length_S)
    place_T1 = np.arange(many)[:, None]
    return np.asarray((place_T1 >= start_S) & (place_T1 < start_S + length_S) & listings.of_board("main"))


def _suspensions(streams: Streams, shape: tuple[int, int], law: EventLaw) -> Bools:
    """Runs of suspended sessions, [T, S]: most of one to three sessions, some of weeks."""
    starts = np.nonzero(streams.uniforms("suspension", *shape) < law.suspension_rate)
    kind_N, place_N = (ndtr(streams.told(f"suspension_{what}", starts[0])) for what in ("kind", "length"))
    shortest, above = law.long_suspension_sessions
    long_N = shortest + (place_N * (above - shortest)).astype(int)
    length_N = np.where(kind_N < law.long_suspension_share, long_N, 1 + (place_N * 3).astype(int))
    is_suspended_TS = np.zeros(shape, bool)
    for t, s, length in zip(*starts, length_N, strict=True):
        is_suspended_TS[t : t + length, s] = True
    return is_suspended_TS


def _halt_before_delisting(is_suspended_TS: Bools, listings: Listings) -> None:
    """Suspend before the delisting period and not within it."""
    for s in np.nonzero(listings.is_delisted)[0]:
        begins = int(listings.end_S[s]) - DELISTING_PERIOD
        is_suspended_TS[begins - HALT_BEFORE : begins, s] = True
        is_suspended_TS[begins:, s] = False


def _rights(
    streams: Streams, sessions: Sequence[date], securities: int, switches: Switches
) -> tuple[dict[int, Floats], dict[int, Floats]]:
    """Dividend yield and new shares per old one by session, each on one session from May to July of a year."""
    rng = streams.fixed("rights")
    yields: dict[int, Floats] = {}
    bonuses: dict[int, Floats] = {}
    for year in range(sessions[0].year, sessions[-1].year + 1):
        season = np.array([t for t, day in enumerate(sessions) if day.year == year and day.month in (5, 6, 7)])
        draws_3S, rate_S = rng.random((3, securities)), rng.uniform(0.005, 0.025, securities)
        bonus_S = rng.choice([0.2, 0.3, 0.5, 1.0], securities)
        place_S = season[(draws_3S[0] * len(season)).astype(int)] if len(season) else np.full(securities, -1)
        for t in season:
            yields[int(t)] = np.where(place_S == t, rate_S * (draws_3S[1] < 0.6), 0.0) * switches.dividends
            bonuses[int(t)] = np.where(place_S == t, bonus_S * (draws_3S[2] < 0.35), 0.0) * switches.splits
    return yields, bonuses


def _percent(
    sessions: Sequence[date], listings: Listings, is_st_TS: Bools
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """How far a price may rise and fall in a session, percent, [T, S]."""
    chinext_T1 = np.array([20 if day >= CHINEXT_WIDENED else 10 for day in sessions], np.int32)[:, None]
    st_T1 = np.array([10 if day >= ST_WIDENED else 5 for day in sessions], np.int32)[:, None]
    main_TS = np.where(is_st_TS, st_T1, np.int32(10))
    up_TS = np.where(listings.of_board("main"), main_TS, chinext_T1)
    up_TS = np.where(listings.of_board("star"), np.int32(20), up_TS)
    down_TS = up_TS.copy()
    for s in np.nonzero(listings.is_new_S)[0]:
        first = int(listings.first_S[s])
        board, listed = listings.boards[s], sessions[first]
        if listed >= REGISTRATION[board]:
            up_TS[first : first + UNLIMITED_SESSIONS, s] = down_TS[first : first + UNLIMITED_SESSIONS, s] = NO_LIMIT
        elif listed >= FIRST_SESSION_LIMITED[listings.securities[s][:2]]:
            up_TS[first, s], down_TS[first, s] = 44, 36
        else:
            up_TS[first, s] = down_TS[first, s] = NO_LIMIT
    return up_TS, down_TS
