"""A small market by hand, and cases as plain arrays."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from assets.evaluation.capacity import Capacity
from assets.evaluation.cases import Cases, Slicing
from assets.wide import Grid
from expectations.fact_tables import FloatShares, Industries
from expectations.tables import Bars, ForwardReturns

FIRST = date(2016, 1, 4)
ZONE = ZoneInfo("Asia/Shanghai")


def sessions_from(first: date, count: int) -> list[date]:
    days = pl.date_range(first, first + timedelta(days=2 * count + 7), eager=True)
    return days.filter(days.dt.weekday() <= 5)[:count].to_list()


@pytest.fixture
def made() -> Callable[..., Cases]:
    """Cases of arrays [T, S] of forecasts and returns, with styles and slicings as given."""

    def make(forecast, returned, horizon=1, styles=None, slicings=None, horizons=None) -> Cases:
        x, y = np.asarray(forecast, dtype=float), np.asarray(returned, dtype=float)
        grid = Grid(tuple(sessions_from(FIRST, len(x))), tuple(f"s{k:04d}" for k in range(x.shape[1])))
        groups = {
            kind: Slicing(names, np.asarray(group, dtype=np.int16), whole)
            for kind, (names, group, whole) in (slicings or {}).items()
        }
        return Cases(grid, horizon, x, {horizon: y, **(horizons or {})}, styles or {}, groups)

    return make


@pytest.fixture
def signal(made) -> Callable[..., Cases]:
    """Random cases whose forecasts go along with the returns by the given share."""

    def make(share, sessions=120, names=60, seed=0, **rest) -> Cases:
        rng = np.random.default_rng(seed)
        returned, noise = rng.standard_normal((2, sessions, names))
        return made(share * returned + (1 - share) * noise, returned / 100, **rest)

    return make


class SmallMarket:
    """Bars, shares, industries and returns of a few names that move at random; row by row as the tables are."""

    def __init__(self, names: int = 12, sessions: int = 200, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.sessions = sessions_from(FIRST, sessions)
        self.names = [f"sz{k:06d}" for k in range(names)]
        moved = rng.normal(0, 0.02, (sessions, names))
        close = 10 * np.exp(np.cumsum(moved, axis=0))
        keys = pl.DataFrame({"session": self.sessions}).join(pl.DataFrame({"security_id": self.names}), how="cross")
        boards = np.tile(np.where(np.arange(names) % 3 == 0, "chinext", "main"), sessions)
        flags = {name: pl.lit(value=False) for name in ("is_suspended", "is_st", "is_new_listing")}
        flags |= {name: pl.lit(value=False) for name in ("is_locked_up", "is_locked_down")}
        priced = keys.with_columns(board=pl.Series(boards), close=pl.Series(close.ravel()), **flags).with_columns(
            **dict.fromkeys(("open", "high", "low", "vwap"), pl.col("close")),
            volume=pl.lit(1e6),
            amount=pl.lit(1e7),
            prev_close=pl.Series((close / np.exp(moved)).ravel()),
            adj_factor=pl.lit(1.0),
            limit_up=pl.lit(None, dtype=pl.Float64),
            limit_down=pl.lit(None, dtype=pl.Float64),
            available_at=pl.col("session").dt.combine(datetime(2000, 1, 1, 17).time()).dt.replace_time_zone(str(ZONE)),
        )
        self.bars = Bars.validate(priced)
        told = datetime(2015, 1, 1, tzinfo=ZONE)
        self.float_shares = self._facts(FloatShares, {
            "security_id": self.names, "float_shares": [1e6 * (k + 1) for k in range(names)],
            "total_shares": [None] * names, "origin": ["reported"] * names, "available_at": [told] * names,
        })  # fmt: skip
        self.industries = self._facts(Industries, {
            "security_id": self.names, "industry": [("bank", "steel")[k % 2] for k in range(names)],
            "holds": [True] * names, "available_at": [told] * names,
        })  # fmt: skip
        self.forecasts = keys.with_columns(forecast=pl.Series(rng.standard_normal(keys.height)))
        blank = {name: pl.lit(None, dtype=pl.Datetime("us", str(ZONE))) for name in ("entered_at", "exited_at")}
        self.returns = ForwardReturns.validate(
            keys.with_columns(
                horizon=pl.lit(5, dtype=pl.Int32),
                forward_return=pl.Series(rng.normal(0, 0.03, keys.height)),
                status=pl.lit("filled"),
                **blank,
            ).with_columns(paper_return="forward_return")
        )

    @staticmethod
    def _facts(schema, columns) -> pl.DataFrame:
        frame = pl.DataFrame(columns).with_columns(
            pl.col("available_at").dt.convert_time_zone(str(ZONE)).dt.cast_time_unit("us")
        )
        return schema.validate(frame.with_columns(known_on=pl.col("available_at").dt.date()), cast=True)


@pytest.fixture(scope="session")
def small_market() -> Callable[..., SmallMarket]:
    return SmallMarket


@pytest.fixture
def curve() -> pl.DataFrame:
    """A capacity curve in which one interval and one share of fills are not known."""
    return Capacity.validate(
        pl.DataFrame(
            {
                "capital": [1e7, 10**7.5, 1e9],
                "excess_return_annual": [0.1, 0.04, -0.2],
                "lower": [0.02, None, -0.3],
                "upper": [0.18, None, -0.1],
                "deviation_annual": [0.1, 0.1, 0.1],
                "information_ratio": [1.0, 0.4, -2.0],
                "invested": [0.98, 0.9, 0.3],
                "filled": [1.0, 0.8, None],
                "sessions_to_exit": [0.5, 1.5, 30.0],
            }
        )
    )
