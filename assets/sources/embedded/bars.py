"""Market bars: what an exchange prints of a path; open, high, low, close, volume and amount of each session.

Prices are whole cents (finer where a market has no ticks), volumes whole lots and amounts whole yuan, so that
amount / volume lies within low and high to the last bit.
"""
# N rows, T sessions, S securities

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from assets.sources.embedded.listings import Listings
from assets.sources.embedded.path import Path
from assets.sources.embedded.ranges import reached
from assets.sources.embedded.streams import Bools, Floats, Singles, Whole
from expectations.tables import EXCHANGE_TIME_ZONE, RawBars

LOT = 100
LOCKED_VOLUME = 0.1
"""Share of the usual volume that trades while a security is locked at a limit."""
TINY = 1e-6
"""Ticks; what the logarithms lose."""
TRADED = ("open", "high", "low", "close")

Where = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Tape:
    """All that is needed to print any span of sessions, in the axes of the market."""

    sessions: tuple[date, ...]
    listings: Listings
    is_listed_TS: Bools
    is_suspended_TS: Bools
    is_st_TS: Bools
    path: Path
    slack_TS: Singles  # log of high over low beyond what open, close and VWAP need
    place_TS: Singles  # standard normal, by which the VWAP lies higher or lower between them
    log_shares_TS: Singles  # traded, before locks and splits
    available_hour: int

    def bars(self, first: date, last: date) -> pl.DataFrame:
        """The raw bars from first to last, sorted by session and security; no prices in a suspended session."""
        span = within(self.sessions, first, last)
        order_S = np.argsort(np.array(self.listings.securities), kind="stable")
        rows_T, places = np.nonzero(self.is_listed_TS[span][:, order_S])
        rows_S = order_S[places]
        where = rows_T + span.start, rows_S
        is_suspended = self.is_suspended_TS[where]
        columns: dict[str, object] = {
            "session": pl.Series(self.sessions, dtype=pl.Date).gather(where[0]),
            "security_id": pl.Series(self.listings.securities, dtype=pl.String).gather(rows_S),
            "board": pl.Series(self.listings.boards, dtype=pl.String).gather(rows_S),
            "listed_on": pl.Series(self.listings.listed_on, dtype=pl.Date).gather(rows_S),
            "is_st": self.is_st_TS[where],
            "is_suspended": is_suspended,
            "is_unreformed": pl.Series([None], dtype=pl.Boolean).new_from_index(0, len(rows_S)),
            "prev_close": self._yuan(self.path.prev_close_TS[where]),
            "adj_factor": self.path.adj_factor_TS[where],
            "available_at": instants(self.sessions, time(self.available_hour)).gather(where[0]),
        }
        for name, cells in self._printed(where).items():
            nothing = np.nan if name in TRADED else 0.0
            columns[name] = pl.Series(np.where(is_suspended, nothing, cells)).fill_nan(None)
        columns["delivery"] = pl.Series(["synthetic_market"]).new_from_index(0, len(rows_S))
        columns["source_objection"] = pl.Series([None], dtype=pl.String).new_from_index(0, len(rows_S))
        return pl.DataFrame(columns).select(RawBars.column_names())

    def rows(self) -> int:
        """Rows of the whole market."""
        return int(self.is_listed_TS.sum())

    def amounts(self, where: Where) -> Floats:
        """Yuan traded in some sessions of some securities, [N]; 0 where suspended."""
        amount = np.rint(self.path.vwap_TS[where] * self._lots(where) * LOT)
        return np.where(self.is_suspended_TS[where], 0.0, amount)

    def _lots(self, where: Where) -> Whole:
        """Lots traded, [N], as if every session traded."""
        shares = np.exp(self.log_shares_TS[where].astype(np.float64)) * self.path.growth_TS[where]
        return np.rint(shares * np.where(self.path.locked_TS[where], LOCKED_VOLUME, 1.0) / LOT).astype(np.int64).clip(1)

    def _yuan(self, ticks_N: Whole) -> Floats:
        return ticks_N / round(1 / self.path.tick)

    def _printed(self, where: Where) -> dict[str, Floats]:
        """Prices in yuan, volume in shares and amount in yuan, [N] each, as if every session traded."""
        path, per_yuan = self.path, round(1 / self.path.tick)
        opened, close, vwap = path.open_TS[where], path.close_TS[where], path.vwap_TS[where]
        is_locked = path.locked_TS[where]
        slack = np.where(is_locked, 0.0, self.slack_TS[where].astype(np.float64))
        middle = np.where(is_locked, opened, vwap * per_yuan)
        lowest, highest = reached(opened, close, middle, slack, self.place_TS[where].astype(np.float64))
        high = np.minimum(np.ceil(highest - TINY).astype(np.int64), path.limit_up_TS[where])
        low = np.maximum(np.floor(lowest + TINY).astype(np.int64), path.limit_down_TS[where])
        lots, amount = self._lots(where), self.amounts(where)
        return {
            "open": self._yuan(opened),
            "high": self._yuan(high),
            "low": self._yuan(low),
            "close": self._yuan(close),
            "volume": (lots * LOT).astype(np.float64),
            "amount": amount.clip(low * lots * LOT / per_yuan, high * lots * LOT / per_yuan),
        }


def within(sessions: Sequence[date], first: date, last: date) -> slice:
    """Places of the sessions from first to last."""
    inside = [t for t, session in enumerate(sessions) if first <= session <= last]
    return slice(inside[0], inside[-1] + 1) if inside else slice(0, 0)


def instants(sessions: Sequence[date], at: time) -> pl.Series:
    """An hour of each session, [T]."""
    zone = ZoneInfo(EXCHANGE_TIME_ZONE)
    moments = [datetime.combine(session, at, zone) for session in sessions]
    return pl.Series(moments, dtype=pl.Datetime("us", EXCHANGE_TIME_ZONE))
