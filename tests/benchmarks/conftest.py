"""Fixtures: raw bars made by hand from grids of prices, sessions by securities."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from benchmarks.market_sample import sample
from expectations.tables import EXCHANGE_TIME_ZONE, RawBars

FIRST = date(2014, 1, 1)


@pytest.fixture(scope="session")
def raw_bars():
    """Maker of a frame of `RawBars`; every price not given is the close, and every reference price 10 yuan."""

    def made(close, listed_on=date(2010, 1, 4), suspended=None, is_st=None, reference=10.0, amount=None, **prices):
        close = np.asarray(close, float)
        shape = close.shape
        days = pl.date_range(FIRST, date(2030, 1, 1), eager=True)
        days = days.filter(days.dt.weekday() <= 5).head(shape[0])
        halted = np.zeros(shape, bool) if suspended is None else np.asarray(suspended, bool)
        names = [f"sh60{s:04d}" for s in range(shape[1])]
        grids = {name: np.broadcast_to(prices.get(name, close), shape) for name in ("open", "high", "low")}
        grids["high"] = np.maximum.reduce([grids["high"], grids["open"], close])
        grids["low"] = np.minimum.reduce([grids["low"], grids["open"], close])
        vwap = np.broadcast_to(prices.get("vwap", (grids["high"] + grids["low"]) / 2), shape)
        traded = np.broadcast_to(1e6 if amount is None else amount, shape)
        grids |= {"close": close, "volume": traded / vwap, "amount": traded}
        cells = {name: np.where(halted, np.nan, grid).ravel() for name, grid in grids.items()}
        frame = pl.DataFrame(cells).with_columns(pl.all().fill_nan(None))
        return RawBars.cast(
            frame.with_columns(
                pl.Series("session", days).gather(np.repeat(np.arange(shape[0]), shape[1])),
                pl.Series("security_id", names * shape[0]),
                pl.Series("is_suspended", halted.ravel()),
                pl.Series("is_st", np.broadcast_to(False if is_st is None else is_st, shape).ravel()),
                pl.Series("prev_close", np.broadcast_to(reference, shape).ravel()),
                volume=pl.col("volume").fill_null(0.0),
                amount=pl.col("amount").fill_null(0.0),
                board=pl.lit("main"),
                listed_on=pl.lit(listed_on),
                adj_factor=pl.lit(1.0),
                delivery=pl.lit("by hand"),
                is_unreformed=pl.lit(None, dtype=pl.Boolean),
                source_objection=pl.lit(None, dtype=pl.String),
            ).with_columns(
                available_at=pl.col("session").cast(pl.Datetime("us")).dt.replace_time_zone(EXCHANGE_TIME_ZONE)
            )
        )

    return made


@pytest.fixture(scope="session")
def market_of(raw_bars):
    """Maker of the sample of such bars."""
    return lambda *grids, **more: sample(raw_bars(*grids, **more))


@pytest.fixture(scope="session")
def moved(market_of):
    """Maker of the sample of a market whose daily log returns are given, [T, S]."""
    return lambda returns: market_of(10.0 * np.exp(np.asarray(returns, float)))
