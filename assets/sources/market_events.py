"""Market events: who is listed, suspended or under special treatment when, and which rights go off.

Events are drawn without regard to returns, so none of them foretells one.
"""
# T sessions, S securities

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from assets.sources.market_noise import Bools, Floats, stream

CHINEXT_WIDENED = date(2020, 8, 24)
ST_WIDENED = date(2026, 7, 6)


class Switches(BaseModel):
    """Which habits of an exchange the market has. Off means absent, not merely rare."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    suspensions: bool = True
    st: bool = True
    new_listings: bool = True
    dividends: bool = True
    splits: bool = True
    limits: bool = True
    premia: bool = False


@dataclass(frozen=True)
class Events:
    """Drawn events of every security, in alphabetical order of `securities`."""

    securities: tuple[str, ...]
    boards: tuple[str, ...]
    listed_on: tuple[date, ...]
    is_listed_TS: Bools
    is_st_TS: Bools
    is_suspended_TS: Bools
    limit_percent_TS: NDArray[np.int64]
    dividend_yield_TS: Floats
    bonus_share_TS: Floats  # new shares per old one


def draw_events(seed: int, sessions: Sequence[date], securities: int, switches: Switches) -> Events:
    """All events of a market; each kind has its own random stream."""
    shape = (len(sessions), securities)
    names, boards = _names(seed, securities)
    first_S, listed_on = _listings(seed, sessions, securities, switches.new_listings)
    is_listed_TS = np.arange(shape[0])[:, None] >= first_S
    is_main_S = np.array([board == "main" for board in boards])
    is_st_TS = _st_spells(seed, shape) & is_main_S if switches.st else np.zeros(shape, bool)
    is_suspended_TS = _suspensions(seed, shape) if switches.suspensions else np.zeros(shape, bool)
    is_suspended_TS &= np.arange(shape[0])[:, None] > first_S
    dividend_yield_TS, bonus_share_TS = _rights(seed, sessions, securities)
    return Events(
        securities=names,
        boards=boards,
        listed_on=listed_on,
        is_listed_TS=is_listed_TS,
        is_st_TS=is_st_TS & is_listed_TS,
        is_suspended_TS=is_suspended_TS & is_listed_TS,
        limit_percent_TS=_limit_percent(sessions, is_main_S, is_st_TS),
        dividend_yield_TS=dividend_yield_TS * switches.dividends,
        bonus_share_TS=bonus_share_TS * switches.splits,
    )


def _names(seed: int, securities: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Identities in alphabetical order and their boards; about a quarter is listed on chinext."""
    kinds = stream(seed, "board").choice(["sh60", "sz00", "sz30"], size=securities, p=[0.45, 0.3, 0.25])
    names = sorted(f"{kind}{place + 1:04d}" for place, kind in enumerate(kinds))
    return tuple(names), tuple("chinext" if name.startswith("sz30") else "main" for name in names)


def _listings(
    seed: int, sessions: Sequence[date], securities: int, new_listings: bool
) -> tuple[NDArray[np.int64], tuple[date, ...]]:
    """Place of each security's first row, [S], and its listing date; one in eight lists during the span."""
    rng = stream(seed, "listing")
    is_new_S = (rng.random(securities) < 0.125) & new_listings & (len(sessions) > 1)
    first_S = np.where(is_new_S, rng.integers(1, max(2, len(sessions)), securities), 0)
    age_S = rng.integers(400, 5000, securities)
    listed_on = tuple(
        sessions[first] if is_new else sessions[0] - timedelta(days=int(age))
        for first, is_new, age in zip(first_S, is_new_S, age_S, strict=True)
    )
    return first_S, listed_on


def _st_spells(seed: int, shape: tuple[int, int]) -> Bools:
    """At most one spell of special treatment per security, [T, S]."""
    rng = stream(seed, "st")
    start_S = rng.integers(-200, max(1, shape[0]), shape[1])
    length_S = rng.integers(120, 300, shape[1]) * (rng.random(shape[1]) < 0.2)
    place_T1 = np.arange(shape[0])[:, None]
    return (place_T1 >= start_S) & (place_T1 < start_S + length_S)


def _suspensions(seed: int, shape: tuple[int, int]) -> Bools:
    """Runs of suspended sessions, [T, S]: most of one to three sessions, some of weeks."""
    rng = stream(seed, "suspension")
    starts_TS = rng.random(shape) < 0.0012
    short_TS, long_TS = rng.integers(1, 4, shape), rng.integers(5, 41, shape)
    length_TS = np.where(rng.random(shape) < 0.6, short_TS, long_TS)
    is_suspended_TS = np.zeros(shape, bool)
    for t, s in zip(*np.nonzero(starts_TS), strict=True):
        is_suspended_TS[t : t + length_TS[t, s], s] = True
    return is_suspended_TS


def _rights(seed: int, sessions: Sequence[date], securities: int) -> tuple[Floats, Floats]:
    """Dividend yield and new shares per old one, [T, S], each on one session from May to July of a year."""
    rng = stream(seed, "rights")
    yield_TS, bonus_TS = np.zeros((2, len(sessions), securities))
    for year in range(sessions[0].year, sessions[-1].year + 1):
        season = [t for t, day in enumerate(sessions) if day.year == year and day.month in (5, 6, 7)]
        draws_3S, rate_S = rng.random((3, securities)), rng.uniform(0.005, 0.025, securities)
        bonus_S = rng.choice([0.2, 0.3, 0.5, 1.0], securities)
        if season:
            place_S = np.array(season)[(draws_3S[0] * len(season)).astype(int)]
            yield_TS[place_S, np.arange(securities)] = rate_S * (draws_3S[1] < 0.6)
            bonus_TS[place_S, np.arange(securities)] = bonus_S * (draws_3S[2] < 0.15)
    return yield_TS, bonus_TS


def _limit_percent(sessions: Sequence[date], is_main_S: Bools, is_st_TS: Bools) -> NDArray[np.int64]:
    """Width of the daily price limits in percent, [T, S]."""
    chinext_T1 = np.array([20 if day >= CHINEXT_WIDENED else 10 for day in sessions])[:, None]
    st_T1 = np.array([10 if day >= ST_WIDENED else 5 for day in sessions])[:, None]
    main_TS = np.where(is_st_TS, st_T1, 10)
    return np.where(is_main_S, main_TS, chinext_T1).astype(np.int64)
