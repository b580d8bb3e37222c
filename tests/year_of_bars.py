"""Fixtures: a year of raw bars as a source would deliver them, with honest features and labels of them."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

SHANGHAI = ZoneInfo("Asia/Shanghai")
CLOSE = pl.col("close")
LEAKS = {
    "tomorrow": (CLOSE.shift(-1) / CLOSE - 1).over("security_id"),
    "whole_mean": CLOSE - CLOSE.mean().over("security_id"),
    "whole_panel": (CLOSE - CLOSE.mean()) / CLOSE.std(),
    "centred": CLOSE.rolling_mean(5, center=True, min_samples=1).over("security_id"),
    "filled_back": CLOSE.fill_null(strategy="backward").over("security_id"),
    "time_rank": CLOSE.rank().over("security_id"),
    "forward_adjusted": CLOSE * pl.col("adj_factor") / pl.col("adj_factor").last().over("security_id"),
    "others_tomorrow": CLOSE.mean().over("session").shift(-1).over("security_id"),
    "st_today": pl.col("is_st").last().over("security_id"),
}
"""Columns that know something of later sessions, of bars sorted by security and session."""


def weekdays(first: date, count: int) -> list[date]:
    days = (first + timedelta(days=i) for i in range(2 * count))
    return [day for day in days if day.weekday() < 5][:count]


def security(number: int, days: list[date], rng: np.random.Generator) -> pl.DataFrame:
    count = len(days)
    close = np.round(10 * np.exp(np.cumsum(rng.normal(0, 0.02, count))), 2)
    low, high = np.round(close * 0.98, 2), np.round(close * 1.02, 2)
    volume = np.round(rng.lognormal(12, 1, count))
    return pl.DataFrame(
        {
            "session": days,
            "security_id": f"sz{number:06d}",
            "board": "main",
            "listed_on": date(2010, 1, 4),
            "is_st": number == 0,
            "is_suspended": rng.random(count) < 0.02,
            "open": np.round((low + high) / 2, 2),
            "high": high,
            "low": low,
            "close": close,
            "volume": volume,
            "amount": volume * close,
            "prev_close": np.concatenate([close[:1], close[:-1]]),
            "adj_factor": np.where(np.arange(count) < count // 2, 1.0, 1.5),
            "available_at": [datetime(day.year, day.month, day.day, 16, tzinfo=SHANGHAI) for day in days],
            "delivery": "toy",
        }
    )


@pytest.fixture(scope="session")
def raw() -> pl.DataFrame:
    """A small market as a source would deliver it: twelve names over a year, with a few suspensions."""
    rng = np.random.default_rng(0)
    days = weekdays(date(2015, 1, 5), 260)
    bars = pl.concat([security(number, days, rng) for number in range(12)])
    prices = (pl.when(~pl.col("is_suspended")).then(name).alias(name) for name in ("open", "high", "low", "close"))
    trade = (pl.when("is_suspended").then(0.0).otherwise(name).alias(name) for name in ("volume", "amount"))
    return bars.with_columns(*prices, *trade)


def _features(raw: pl.DataFrame) -> pl.DataFrame:
    close = pl.col("close")
    return raw.sort("security_id", "session").select(
        "session",
        "security_id",
        close_mean_3d=close.rolling_mean(3, min_samples=1).over("security_id"),
        return_1d=(close / close.shift(1) - 1).over("security_id"),
        volume_rank=pl.col("volume").rank().over("session"),
    )


def _labels(raw: pl.DataFrame, horizon: int = 5) -> pl.DataFrame:
    vwap = pl.col("amount") / pl.col("volume")
    closing = pl.col("session").dt.combine(pl.time(15)).dt.replace_time_zone("Asia/Shanghai")
    ahead = raw.filter(~pl.col("is_suspended")).sort("security_id", "session")
    return ahead.select(
        "session",
        "security_id",
        horizon=pl.lit(horizon, dtype=pl.Int32),
        entered_at=(closing.shift(-1) - pl.duration(hours=5, minutes=30)).over("security_id"),
        exited_at=closing.shift(-1 - horizon).over("security_id"),
        forward_return=(vwap.shift(-1 - horizon) / vwap.shift(-1) - 1).over("security_id"),
    ).with_columns(status=pl.when(pl.col("exited_at").is_null()).then(pl.lit("pending")).otherwise(pl.lit("filled")))


@pytest.fixture(scope="session")
def features():
    """Honest features: a trailing mean, a return from the last close, a rank within the session."""
    return _features


@pytest.fixture(scope="session")
def labels():
    """Honest labels over the rows that trade: VWAP to VWAP from the next one to `horizon` later."""
    return _labels
