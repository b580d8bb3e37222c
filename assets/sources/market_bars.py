"""Market bars: what an exchange prints of a path; open, high, low, close, volume and amount of each session.

A session's log return runs from the previous price to the close; the open lies at `OPEN_SHARE` of it and the VWAP at
`VWAP_SHARE`, each with its own scatter. Prices are whole cents, volumes whole lots and amounts whole yuan, so that
amount / volume lies within low and high to the last bit.
"""
# T sessions, S securities

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.sources.market_events import Events
from assets.sources.market_noise import OPEN_SHARE, VWAP_SHARE, Noise
from assets.sources.market_path import Path, Whole, bounds
from expectations.tables import EXCHANGE_TIME_ZONE, RawBars

LOT = 100
LOCKED_VOLUME = 0.1
"""Share of the usual volume that trades while a security is locked at a limit."""
TRADED = ("open", "high", "low", "close")


def printed(noise: Noise, path: Path, *, has_limits: bool) -> dict[str, Whole]:
    """Prices in cents, volume in shares and amount in yuan, [T, S] each, as if every session traded."""
    lower, upper = bounds(path, slice(None), has_limits)
    start, close = path.base_TS * np.exp(path.gap_TS), path.close_TS
    opened = start * np.exp(OPEN_SHARE * path.log_return_TS + noise.open_TS)
    is_locked = (opened >= upper) & (close >= upper) | (opened <= lower) & (close <= lower)
    is_locked &= has_limits
    opened = np.where(is_locked, close, opened.clip(lower, upper))
    vwap = (start * np.exp(VWAP_SHARE * path.log_return_TS + noise.vwap_TS)).clip(lower, upper)
    vwap = np.where(is_locked, close, vwap)
    highest = np.maximum(np.maximum(opened, vwap), close) * np.exp(np.where(is_locked, 0.0, noise.above_TS))
    lowest = np.minimum(np.minimum(opened, vwap), close) * np.exp(np.where(is_locked, 0.0, -noise.below_TS))
    high = np.minimum(np.ceil(highest * 100 - 1e-6).astype(np.int64), path.limit_up_TS)
    low = np.maximum(np.floor(lowest * 100 + 1e-6).astype(np.int64), path.limit_down_TS)
    shares = np.exp(noise.log_shares_TS) * path.growth_TS * np.where(is_locked, LOCKED_VOLUME, 1.0)
    lots = np.rint(shares / LOT).astype(np.int64).clip(1)
    return {
        "open": np.rint(opened * 100).astype(np.int64).clip(low, high),
        "high": high,
        "low": low,
        "close": np.rint(close * 100).astype(np.int64).clip(low, high),
        "volume": lots * LOT,
        "amount": np.rint(vwap * lots * LOT).astype(np.int64).clip(low * lots, high * lots),
    }


def bars(
    sessions: Sequence[date], events: Events, noise: Noise, path: Path, *, has_limits: bool, available_hour: int
) -> pl.DataFrame:
    """The raw bars of every listed security, sorted by session and security; no prices in a suspended session."""
    rows_T, rows_S = np.nonzero(events.is_listed_TS)
    where = (rows_T, rows_S)
    is_suspended = events.is_suspended_TS[where]
    columns: dict[str, pl.Series | NDArray[np.generic]] = {
        "session": pl.Series(sessions, dtype=pl.Date).gather(rows_T),
        "security_id": pl.Series(events.securities, dtype=pl.String).gather(rows_S),
        "board": pl.Series(events.boards, dtype=pl.String).gather(rows_S),
        "listed_on": pl.Series(events.listed_on, dtype=pl.Date).gather(rows_S),
        "is_st": events.is_st_TS[where],
        "is_suspended": is_suspended,
        "prev_close": path.prev_close_TS[where] / 100,
        "adj_factor": path.adj_factor_TS[where],
        "available_at": _available(sessions, available_hour).gather(rows_T),
    }
    for name, cells in printed(noise, path, has_limits=has_limits).items():
        if name in TRADED:
            columns[name] = pl.Series(np.where(is_suspended, np.nan, cells[where] / 100)).fill_nan(None)
        else:
            columns[name] = np.where(is_suspended, 0.0, cells[where])
    columns["delivery"] = np.full(len(rows_T), "synthetic_market")
    columns["source_objection"] = pl.Series([None], dtype=pl.String).new_from_index(0, len(rows_T))
    return pl.DataFrame(columns).select(RawBars.column_names())


def _available(sessions: Sequence[date], hour: int) -> pl.Series:
    """When each session's bars could be known, [T]."""
    zone = ZoneInfo(EXCHANGE_TIME_ZONE)
    instants = [datetime.combine(session, time(hour), zone) for session in sessions]
    return pl.Series(instants, dtype=pl.Datetime("us", EXCHANGE_TIME_ZONE))
