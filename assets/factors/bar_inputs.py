"""Bar inputs: the columns of the bars that factors are written over, on a grid of securities by sessions."""
# S securities, T sessions

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.factors.expression import STILL_LISTED, Bar, Unit
from assets.wide import Grid, grid_of, spread

Wide = NDArray[np.float64]
COLUMNS = ("open", "high", "low", "close", "vwap", "volume", "adj_factor")

PRICE, SHARES, TRADED = Unit(adjusted=1), Unit(adjusted=-1), Unit(traded=1)

OPEN, HIGH, LOW = Bar("open", PRICE), Bar("high", PRICE), Bar("low", PRICE)
CLOSE, VOLUME = Bar("close", PRICE), Bar("volume", SHARES)
TRADED_OPEN, TRADED_HIGH, TRADED_LOW = Bar("open", TRADED), Bar("high", TRADED), Bar("low", TRADED)
TRADED_CLOSE, TRADED_VWAP = Bar("close", TRADED), Bar("vwap", TRADED)


def bar_inputs(bars: pl.DataFrame, sessions: pl.Series) -> tuple[Grid, dict[str, Wide]]:
    """The grid of the sessions and the securities that traded in them, and the inputs of factors on it.

    bars     session, security_id, is_suspended and COLUMNS, at most one row each; a missing day may have no row
    returns  COLUMNS as traded [S, T], NaN where there was no trade, and `is_listed`: 1 from a row of the security until
             STILL_LISTED sessions after it, else 0
    """
    traded = bars.filter(~pl.col("is_suspended"))
    grid = grid_of(traded, sessions)
    wide = spread(traded, grid, COLUMNS)
    known = bars.filter(pl.col("security_id").is_in(grid.securities))
    seen_ST = np.zeros(grid.shape, dtype=np.bool_)
    seen_ST[grid.places(known)] = True
    wide["is_listed"] = _until_forgotten(seen_ST)
    return grid, wide


def _until_forgotten(seen_ST: NDArray[np.bool_]) -> Wide:
    here_T = np.arange(seen_ST.shape[1])
    last_ST = np.maximum.accumulate(np.where(seen_ST, here_T, -1), axis=1)
    listed_ST: Wide = np.where((last_ST >= 0) & (here_T - last_ST <= STILL_LISTED), 1.0, 0.0)
    return listed_ST
