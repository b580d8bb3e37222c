"""Market sample: raw bars of any source as grids of sessions by securities, ready to be measured.

Both sides of a comparison go through the same cleaning, so a fact means the same on a real and on a synthetic market.
"""
# T sessions, S securities

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from benchmarks.moments import Bools, Floats, mean
from expectations.tables import Bars, RawBars

HALF_A_CENT = 0.005
PRICES = ("open", "high", "low", "close", "vwap", "amount", "limit_up", "limit_down")
FLAGS = ("is_suspended", "is_st", "is_locked_up", "is_locked_down")


@dataclass(frozen=True)
class Sample:
    """Accepted bars on the grid [T, S]; numbers are NaN and flags False where a security has no row.

    prices      yuan as traded; amount in yuan; NaN also where the row is not counted
    counted     rows that facts of trading are measured on: traded, at least 60 sessions after a known listing, and with
                price limits (the first session after a relisting has none, and a return of any size)
    reference   previous close of the exchange, yuan; stands in every row
    last_close  close of the security's latest traded row before this one, yuan
    """

    year_T: NDArray[np.int64]
    prices: dict[str, Floats]
    flags: dict[str, Bools]
    listed: Bools
    counted: Bools
    reference: Floats
    last_close: Floats

    @cached_property
    def returns(self) -> Floats:
        """Log return of the session, close over reference price: ex-rights do not move it, [T, S]."""
        return np.asarray(np.log(self.prices["close"] / self.reference))

    @cached_property
    def market(self) -> Floats:
        """Return of the equal-weighted market, the mean over the counted rows of the session, [T]."""
        return mean(self.returns, axis=1)

    @cached_property
    def own(self) -> Floats:
        """Return less that of the market, [T, S]."""
        return np.asarray(self.returns - self.market[:, None])

    @cached_property
    def overnight(self) -> Floats:
        """Log gap from the reference price to the open, [T, S]."""
        return np.asarray(np.log(self.prices["open"] / self.reference))

    @cached_property
    def closes_up(self) -> Bools:
        """Whether a counted row closes at its upper limit, [T, S]."""
        return np.asarray(self.prices["close"] > self.prices["limit_up"] - HALF_A_CENT)

    @cached_property
    def closes_down(self) -> Bools:
        """Whether a counted row closes at its lower limit, [T, S]."""
        return np.asarray(self.prices["close"] < self.prices["limit_down"] + HALF_A_CENT)


def sample(raw: pl.DataFrame) -> Sample:
    """The grids of a frame of `RawBars`, whatever source it came from."""
    lazy: dy.LazyFrame[RawBars] = RawBars.cast(raw.lazy())
    return gridded(Bars.cast(bars(lazy, calendar(lazy)).collect()))


def gridded(accepted: dy.DataFrame[Bars]) -> Sample:
    """The grids of accepted bars."""
    rows = accepted.sort("security_id", "session").with_columns(
        last_close=pl.col("close").forward_fill().shift().over("security_id"),
        counted=~pl.col("is_suspended") & ~pl.col("is_new_listing") & pl.col("limit_up").is_not_null(),
    )
    sessions, securities = rows["session"].unique().sort(), rows["security_id"].unique().sort()
    where = (
        sessions.search_sorted(rows["session"]).to_numpy(),
        securities.search_sorted(rows["security_id"]).to_numpy(),
    )
    shape = (len(sessions), len(securities))

    def numbers(name: str) -> Floats:
        grid = np.full(shape, np.nan)
        grid[where] = rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        return grid

    def flags(name: str) -> Bools:
        grid = np.zeros(shape, bool)
        grid[where] = rows[name].fill_null(False).to_numpy()
        return grid

    listed = np.zeros(shape, bool)
    listed[where] = True
    counted = flags("counted")
    return Sample(
        year_T=sessions.dt.year().cast(pl.Int64).to_numpy(),
        prices={name: np.where(counted, numbers(name), np.nan) for name in PRICES},
        flags={name: flags(name) for name in FLAGS},
        listed=listed,
        counted=counted,
        reference=numbers("prev_close"),
        last_close=numbers("last_close"),
    )
