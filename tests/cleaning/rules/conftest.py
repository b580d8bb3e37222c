"""A calm market of six names in which single cells can be planted."""

from collections.abc import Callable, Iterable, Mapping
from datetime import date, time

import numpy as np
import polars as pl
import pytest

from assets.cleaning.float_shares import float_shares
from assets.cleaning.index_bars import index_bars
from assets.cleaning.marks import rows_of
from assets.cleaning.news import news
from assets.cleaning.rules.market import Market, market_of
from assets.cleaning.rules.rule import Mark
from expectations.facts import RawFloatShares, RawIndexBars, RawNews

NAMES = ("sh600001", "sh600002", "sh600003", "sh600004", "sz000005", "sz300006")
WEEKDAYS = pl.date_range(date(2015, 1, 1), date(2016, 12, 30), eager=True)
SESSIONS = WEEKDAYS.filter(WEEKDAYS.dt.weekday() <= 5)

Places = Mapping[str, Iterable[int]]
Values = Mapping[str, Mapping[int, float]]


def calm_market(
    returns: Values | None = None,
    volumes: Values | None = None,
    suspended: Places | None = None,
    st: Places | None = None,
    new: Places | None = None,
    absent: Places | None = None,
    factors: Values | None = None,
    sessions: int = 160,
) -> pl.DataFrame:
    """Bars of NAMES; returns replace those of a session, volumes multiply, a factor is multiplied from a session on."""
    parts = []
    for number, name in enumerate(NAMES):
        rng = np.random.default_rng(number)
        own = rng.uniform(-0.006, 0.006, sessions)
        for place, value in (returns or {}).get(name, {}).items():
            own[place] = value
        off = np.isin(np.arange(sessions), list((suspended or {}).get(name, ())))
        own[off] = 0.0
        close = np.round((10 + number) * np.cumprod(1 + own), 4)
        volume = 1e6 * np.exp(rng.uniform(-0.2, 0.2, sessions))
        for place, multiple in (volumes or {}).get(name, {}).items():
            volume[place] *= multiple
        factor = np.ones(sessions)
        for place, multiple in (factors or {}).get(name, {}).items():
            factor[place:] *= multiple
        before = np.concatenate([[10.0 + number], close[:-1]])
        marked = {key: np.isin(np.arange(sessions), list((one or {}).get(name, ()))) for key, one in
                  {"is_st": st, "is_new_listing": new}.items()}  # fmt: skip
        part = pl.DataFrame(
            {
                "session": SESSIONS.head(sessions),
                "security_id": name,
                "board": "chinext" if name.startswith("sz30") else "main",
                "close": np.where(off, np.nan, close),
                "prev_close": before,
                "limit_up": np.round(before * 1.1, 2),
                "limit_down": np.round(before * 0.9, 2),
                "volume": np.where(off, 0.0, volume),
                "amount": np.where(off, 0.0, volume * close),
                "adj_factor": factor,
                "is_suspended": off,
                **marked,
                "is_locked_up": False,
                "is_locked_down": False,
                "available_at": SESSIONS.head(sessions).dt.combine(time(16)).dt.replace_time_zone("Asia/Shanghai"),
            }
        )
        there = ~np.isin(np.arange(sessions), list((absent or {}).get(name, ())))
        parts.append(part.with_columns(pl.col("close").fill_nan(None)).filter(pl.Series(there)))
    return pl.concat(parts)


def clean_facts(bars: pl.DataFrame, **given: pl.DataFrame) -> list[pl.DataFrame]:
    """The clean tables index_bars, float_shares and news beside these bars, from the raw ones that are given."""
    tables = {"index_bars": RawIndexBars, "float_shares": RawFloatShares, "news": RawNews}
    raw = {name: given.get(name, table.create_empty()).lazy() for name, table in tables.items()}
    shares = float_shares(raw["float_shares"], bars.lazy()).collect()
    indices = index_bars(raw["index_bars"], bars.lazy(), shares.lazy()).collect()
    return [indices, shares, news(raw["news"]).collect()]


def seen_market(bars: pl.DataFrame, sessions: pl.Series | None = None, **given: pl.DataFrame) -> Market:
    days = bars["session"].unique().sort() if sessions is None else sessions
    return market_of(bars, days, *clean_facts(bars, **given))


def marked_rows(
    rule: Mark, bars: pl.DataFrame, sessions: pl.Series | None = None, **given: pl.DataFrame
) -> pl.DataFrame:
    return rows_of(rule, seen_market(bars, sessions, **given))


@pytest.fixture(scope="session")
def facts_of() -> Callable[..., list[pl.DataFrame]]:
    return clean_facts


@pytest.fixture(scope="session")
def seen() -> Callable[..., Market]:
    return seen_market


@pytest.fixture(scope="session")
def calm() -> Callable[..., pl.DataFrame]:
    return calm_market


@pytest.fixture(scope="session")
def rows() -> Callable[..., pl.DataFrame]:
    return marked_rows


@pytest.fixture(scope="session")
def cells() -> Callable[..., dict[str, list[int]]]:
    """Name -> places of the sessions that a rule marks; nothing after t may move what stands at t."""

    def found(rule: Mark, bars: pl.DataFrame, **given: pl.DataFrame) -> dict[str, list[int]]:
        whole = marked_rows(rule, bars, **given)
        days = bars["session"].unique().sort()
        for cut in range(40, len(days), 17):
            known = marked_rows(rule, bars.filter(pl.col("session") <= days[cut]), days.head(cut + 1), **given)
            assert known.equals(whole.filter(pl.col("session") <= days[cut])), f"{rule.name} looks beyond {days[cut]}"
        places = {day: place for place, day in enumerate(SESSIONS)}
        by_name: dict[str, list[int]] = {}
        for name, day in whole.select("security_id", "session").iter_rows():
            by_name.setdefault(name, []).append(places[day])
        return by_name

    return found
