"""Forward returns: what a decision after each session would have earned, VWAP to VWAP, where its buy would fill."""
# S securities, T sessions, H horizons, N rows

from dataclasses import dataclass
from datetime import time

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.table import table
from assets.wide import Grid, grid_of, spread
from expectations.tables import EXCHANGE_TIME_ZONE, Bars, Calendar, ForwardReturns

HORIZONS = (1, 3, 5, 10)
DELISTED_AFTER = 60
OPENS_AT = time(9, 30)
CLOSES_AT = time(15)
STATUSES = ("filled", "refused_suspended", "refused_locked_up", "pending")
FILLED, REFUSED_SUSPENDED, REFUSED_LOCKED_UP, PENDING = range(len(STATUSES))

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Market:
    """Bars on the grid, in adjusted prices, NaN where not traded.

    sold_at   place of the session in which a name that is for sale from here on gets sold, T while that is not known
    sold_for  its price there
    """

    vwap_ST: Floats
    close_ST: Floats
    locked_up_ST: Flags
    sold_at_ST: Places
    sold_for_ST: Floats


@dataclass(frozen=True)
class Labels:
    """Labels of one horizon; places are those of sessions, T where not known."""

    horizon: int
    status_N: Places
    entered_N: Places
    exited_N: Places
    paper_return_N: Floats


@table(sees_later=("bars", "calendar"))
def forward_returns(bars: dy.LazyFrame[Bars], calendar: dy.LazyFrame[Calendar]) -> dy.LazyFrame[ForwardReturns]:
    """One row per traded bar and horizon (1, 3, 5, 10 sessions): the return from the VWAP of t+1 to that of an exit.

    The buy is made at t+1 and refused when the name is suspended or locked at its upper limit there; it fills at a
    locked lower limit. The sale is planned for t+1+h and made at the VWAP of the first session from then on in which
    the name trades and is not locked down; until that is seen the label is pending, never zero. A name without any row,
    not even a suspended one, for 60 sessions is taken as delisted: it ends at its last close, and `exited_at` is the
    session in which those 60 were over, also if it comes back later: nobody knew. `paper_return` is the same
    as if every buy filled, at the close of t where t+1 has no trade; a refused row bears the interval of its paper
    return. Prices are adjusted; entry is at 09:30, exit at 15:00.
    """
    traded = bars.filter(~pl.col("is_suspended")).collect()
    if traded.is_empty():
        return ForwardReturns.create_empty(lazy=True)
    known = bars.select("security_id", "session").collect()
    grid = grid_of(traded, calendar.select("session").collect()["session"])
    market = _market(traded, known, grid)
    sessions, rows = np.nonzero(np.isfinite(market.close_ST).T)
    labels = [_labels(market, rows, sessions, horizon) for horizon in HORIZONS]
    return ForwardReturns.cast(_table(grid, rows, sessions, labels).lazy())


def _market(traded: pl.DataFrame, known: pl.DataFrame, grid: Grid) -> Market:
    wide = spread(traded, grid, ("vwap", "close", "adj_factor", "is_locked_up", "is_locked_down"))
    vwap_ST, close_ST = wide["vwap"] * wide["adj_factor"], wide["close"] * wide["adj_factor"]
    sale_ST = np.isfinite(vwap_ST) & (wide["is_locked_down"] != 1)
    sold_at_ST = _next(sale_ST)
    gone_at_ST = _next(_is_given_up(known, grid))
    last = grid.shape[1] - 1
    sold_for_ST = np.take_along_axis(vwap_ST, np.minimum(sold_at_ST, last), axis=1)
    left_with_ST = np.take_along_axis(_carried(close_ST), np.minimum(gone_at_ST, last), axis=1)
    gone_ST = gone_at_ST < sold_at_ST
    return Market(
        vwap_ST,
        close_ST,
        wide["is_locked_up"] == 1,
        np.where(gone_ST, gone_at_ST, sold_at_ST),
        np.where(gone_ST, left_with_ST, sold_for_ST),
    )


def _next(where_ST: Flags) -> Places:
    """Place of the first session from each on that is true, [S, T]; T where there is none."""
    width = where_ST.shape[1]
    places_ST = np.where(where_ST, np.arange(width), width)
    return np.minimum.accumulate(places_ST[:, ::-1], axis=1)[:, ::-1]


def _is_given_up(known: pl.DataFrame, grid: Grid) -> Flags:
    """Sessions in which the last row of a name is exactly 60 sessions old, [S, T]: known then, whatever follows."""
    places_ST = np.full(grid.shape, -DELISTED_AFTER - 1, dtype=np.intp)
    rows, sessions = grid.places(known.filter(pl.col("security_id").is_in(grid.securities)))
    places_ST[rows, sessions] = sessions
    age_ST = np.arange(grid.shape[1]) - np.maximum.accumulate(places_ST, axis=1)
    given_up_ST: Flags = age_ST == DELISTED_AFTER
    return given_up_ST


def _carried(values_ST: Floats) -> Floats:
    """The last value of each row up to each session, NaN before the first."""
    places_ST = np.where(np.isfinite(values_ST), np.arange(values_ST.shape[1]), 0)
    return np.take_along_axis(values_ST, np.maximum.accumulate(places_ST, axis=1), axis=1)


def _labels(market: Market, rows_N: Places, sessions_N: Places, horizon: int) -> Labels:
    width = market.vwap_ST.shape[1]
    entry_N, sale_N = sessions_N + 1, sessions_N + 1 + horizon
    seen_N = entry_N < width
    at_entry = rows_N, np.minimum(entry_N, width - 1)
    for_sale = rows_N, np.minimum(sale_N, width - 1)
    traded_N = np.isfinite(market.vwap_ST[at_entry])
    exited_N = np.where(sale_N < width, market.sold_at_ST[for_sale], width)
    paid_N = np.where(traded_N, market.vwap_ST[at_entry], market.close_ST[rows_N, sessions_N])
    status_N = np.select(
        [~seen_N, ~traded_N, market.locked_up_ST[at_entry], exited_N == width],
        [PENDING, REFUSED_SUSPENDED, REFUSED_LOCKED_UP, PENDING],
        FILLED,
    )
    earned_N = np.where(exited_N < width, market.sold_for_ST[for_sale] / paid_N - 1, np.nan)
    return Labels(horizon, status_N, np.minimum(entry_N, width), exited_N, earned_N)


def _table(grid: Grid, rows_N: Places, sessions_N: Places, labels: list[Labels]) -> pl.DataFrame:
    many = len(labels)
    dates = pl.Series(grid.sessions, dtype=pl.Date)
    opens = dates.dt.combine(OPENS_AT, "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE).extend_constant(None, 1)
    closes = dates.dt.combine(CLOSES_AT, "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE).extend_constant(None, 1)
    status_N = np.stack([label.status_N for label in labels], axis=1).ravel()
    earned_N = np.stack([label.paper_return_N for label in labels], axis=1).ravel()
    return pl.DataFrame(
        {
            "session": dates.gather(np.repeat(sessions_N, many)),
            "security_id": pl.Series(grid.securities, dtype=pl.String).gather(np.repeat(rows_N, many)),
            "horizon": pl.Series(np.tile([label.horizon for label in labels], len(rows_N)), dtype=pl.Int32),
            "entered_at": opens.gather(np.stack([label.entered_N for label in labels], axis=1).ravel()),
            "exited_at": closes.gather(np.stack([label.exited_N for label in labels], axis=1).ravel()),
            "forward_return": pl.Series(np.where(status_N == FILLED, earned_N, np.nan)).fill_nan(None),
            "paper_return": pl.Series(earned_N).fill_nan(None),
            "status": pl.Series(STATUSES).gather(status_N),
        }
    )
