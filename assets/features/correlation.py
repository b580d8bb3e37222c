"""Correlation: how a security moves with the market and with its peers, and how far it has strayed from both.

Peers are those whose residual returns moved most alike over the 120 sessions before a month; what strays from its peers
tends to come back (Chen, Chen, Chen and Li 2019), and residual returns to go on (Blitz, Huij and Martens 2011).
"""
# S securities, T sessions, N sessions of a spell

from datetime import date
from itertools import pairwise
from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.sparse import csr_array

from assets.features.market_line import moments
from assets.features.neighbours import (
    Spell,
    market_mean,
    mean_of_neighbours,
    mean_weight,
    sum_of_known,
    without_weights,
)
from assets.features.peers import peer_graph
from assets.features.price_window import STALE_AFTER, log_returns
from assets.features.trailing import moved_later
from assets.table import table
from assets.wide import gather, grid_of, spread
from expectations.tables import Bars, Calendar, Keyed

Wide = NDArray[np.float64]
PEERS = 20
WINDOW = 120
FEWEST_TRADED = 90
DEEPEST = 60
MONTH = 23
"""No month has more sessions."""
LOOK_BACK = MONTH + WINDOW + STALE_AFTER
LAGS = range(1, 6)
PAIRS = "Chen, Chen, Chen and Li 2019"
MOMENTUM = "Blitz, Huij and Martens 2011"


def _figure(definition: str, unit: str, source: str = "") -> dy.Float64:
    told = {"definition": definition, "unit": unit}
    return dy.Float64(nullable=True, metadata={**told, "source": source} if source else told)


def _residual(definition: str) -> dy.Float64:
    """Made of residuals: log returns less their plain mean over all that traded in the session."""
    return _figure(definition, "log ratio", PAIRS)


class Correlation(Keyed):
    """The 20 most correlated peers of a security, chosen at the start of each month, and its line on the market.

    A residual is a log return less the plain mean over all that traded, which is the market; peers count alike.
    """

    asset_key: ClassVar[str] = "features/correlation"
    is_sequence: ClassVar[bool] = False

    peer_residual_1d = _residual("mean residual log return of the peers in the session itself")
    peer_residual_1d_lag_1d = _residual("mean residual log return of the peers in the session before")
    peer_residual_1d_lag_2d = _residual("mean residual log return of the peers 2 sessions before")
    peer_residual_1d_lag_3d = _residual("mean residual log return of the peers 3 sessions before")
    peer_residual_1d_lag_4d = _residual("mean residual log return of the peers 4 sessions before")
    peer_residual_1d_lag_5d = _residual("mean residual log return of the peers 5 sessions before")
    peer_gap_5d = _residual("sum over the last 5 sessions of the peers' mean residual, less that of the security's own")
    peer_gap_20d = _residual("sum over the last 20 sessions of the peers' mean residual, less that of its own")
    peer_momentum_60d_5d = _residual("sum of the peers' mean residual from 60 to 5 sessions ago, at least 28 of 55")
    peer_correlation_120d = _figure(
        "mean correlation with the peers, of what a line on the market leaves of log returns, over the 120 sessions "
        "before the month; at least 90 traded",
        "correlation",
        PAIRS,
    )
    market_correlation_120d = _figure(
        "correlation of log returns with the market's over the last 120 sessions, at least 60 traded", "correlation"
    )
    market_beta_60d = _figure(
        "slope of log returns on the market's over the last 60 sessions, at least 30 traded",
        "log return per log return",
    )
    market_beta_120d = _figure(
        "slope of log returns on the market's over the last 120 sessions, at least 60 traded",
        "log return per log return",
    )
    residual_momentum_20d_1d = _figure(
        "sum of log returns less market_beta_120d times the market's, from 20 to 1 sessions ago, over their standard "
        "deviation times the root of their number; at least 10 traded of 19",
        "standard deviations",
        MOMENTUM,
    )
    residual_momentum_60d_5d = _figure(
        "the same from 60 to 5 sessions ago, at least 28 traded of 55", "standard deviations", MOMENTUM
    )


@table(look_back={"bars": LOOK_BACK, "calendar": LOOK_BACK})
def correlation(bars: dy.LazyFrame[Bars], calendar: dy.LazyFrame[Calendar]) -> dy.LazyFrame[Correlation]:
    """One row per traded bar: returns of its peers, its distance from them, its line on the market and what is left.

    Peers are chosen anew for the first session of each calendar month, from the 120 sessions before it, and stay for
    the month; before 90 traded sessions a security has none. Where a peer does not trade, the mean is over the others.
    """
    traded = bars.filter(~pl.col("is_suspended")).collect()
    grid = grid_of(traded, calendar.select("session").collect()["session"])
    wide = spread(traded, grid, ("close", "adj_factor"))
    returns_ST = log_returns(np.log(wide["close"] * wide["adj_factor"]))
    market_T = market_mean(returns_ST)
    line = _line(returns_ST, market_T)
    traded_ST = np.isfinite(wide["close"])
    months = [
        _of_peers(_peers(returns_ST, market_T, spell), spell, returns_ST - market_T) for spell in _months(grid.sessions)
    ]
    if not months:
        return Correlation.create_empty().lazy()
    peers = {name: np.concatenate([month[name] for month in months], axis=1) for name in months[0]}
    return Correlation.cast(gather(grid, line | peers, traded_ST)).lazy()


def _line(returns_ST: Wide, market_T: Wide) -> dict[str, Wide]:
    long, short = moments(returns_ST, market_T, 120, 60), moments(returns_ST, market_T, 60, 30)
    slope_ST = long.slope()
    return {
        "market_correlation_120d": long.correlation(),
        "market_beta_60d": short.slope(),
        "market_beta_120d": slope_ST,
        "residual_momentum_20d_1d": moments(returns_ST, market_T, 19, 10, 1).momentum(slope_ST),
        "residual_momentum_60d_5d": moments(returns_ST, market_T, 55, 28, 5).momentum(slope_ST),
    }


def _months(sessions: tuple[date, ...]) -> list[Spell]:
    """A spell for each calendar month; the first may begin within its month, and then has no session before it."""
    months = [(session.year, session.month) for session in sessions]
    starts = [place for place in range(len(months)) if place == 0 or months[place] != months[place - 1]]
    return [Spell(first, end, DEEPEST) for first, end in pairwise([*starts, len(months)])]


def _peers(returns_ST: Wide, market_T: Wide, month: Spell) -> csr_array:
    window = slice(max(month.first - WINDOW, 0), month.first)
    return peer_graph(returns_ST[:, window], market_T[window], PEERS, FEWEST_TRADED)


def _of_peers(graph: csr_array, month: Spell, residual_ST: Wide) -> dict[str, Wide]:
    own_SN = month.seen(residual_ST)
    mean_SN = mean_of_neighbours(without_weights(graph), own_SN)
    seen = {
        "residual_1d": mean_SN,
        **{f"residual_1d_lag_{lag}d": moved_later(mean_SN, lag) for lag in LAGS},
        **{f"gap_{window}d": sum_of_known(mean_SN, window) - sum_of_known(own_SN, window) for window in (5, 20)},
        "correlation_120d": np.broadcast_to(mean_weight(graph)[:, None], mean_SN.shape),
        "momentum_60d_5d": moved_later(sum_of_known(mean_SN, 55), 5),
    }
    return {f"peer_{name}": month.own(cells_SN) for name, cells_SN in seen.items()}
