"""Fixtures: raw facts of the small market, sound and unsound ones mixed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from expectations.facts import (
    RawFloatShares,
    RawIndexBars,
    RawIndexMembers,
    RawIndustries,
    RawNews,
    RawPolicyEvents,
    RawStatements,
    RawSupplyChain,
)
from expectations.tables import RawBars, Table

SHANGHAI = ZoneInfo("Asia/Shanghai")
SECURITIES = ("sh600001", "sh600002", "sz000003", "sz000004", "sz300005")
QUARTERS = (date(2013, 9, 30), date(2013, 12, 31), date(2014, 3, 31), date(2014, 6, 30), date(2014, 9, 30))
Rows = list[dict[str, object]]


def at(day: date, hour: int = 8, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), SHANGHAI)


def framed(table: type[Table], rows: Rows) -> pl.DataFrame:
    """Rows of a raw table; `known_on` follows from `available_at` where a row does not give it."""
    schema = {name: column.dtype for name, column in table.columns().items()}
    dated = "known_on" in schema
    complete = [
        ({"known_on": row["available_at"] and row["available_at"].date()} if dated else {})
        | {"delivery": "a.csv"}
        | row
        for row in rows
    ]
    return pl.DataFrame(complete, schema=schema)


@pytest.fixture(scope="session")
def rows_of() -> Callable[[type[Table], Rows], pl.DataFrame]:
    """Frame of a raw table from rows as dictionaries."""
    return framed


@pytest.fixture(scope="session")
def raw_tables(market: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Every raw table of 2014 by asset key; some of the facts break a rule."""
    rng = np.random.default_rng(3)
    made = {table.asset_key: framed(table, make(rng)) for table, make in MAKERS.items()}
    return {RawBars.asset_key: market, **made}


def _day(rng: np.random.Generator) -> date:
    return date(2014, 1, 2) + timedelta(days=int(rng.integers(0, 360)))


def _instant(rng: np.random.Generator) -> datetime:
    return at(_day(rng), int(rng.integers(0, 24)), int(rng.integers(0, 60)))


def _statements(rng: np.random.Generator) -> Rows:
    rows: Rows = []
    for security in SECURITIES:
        for end in QUARTERS:
            published = end + timedelta(days=int(rng.integers(15, 60)))
            for revision in range(int(rng.integers(1, 4))):
                for item in ("net_profit", "revenue"):
                    kind = rng.integers(0, 10)
                    rows.append(
                        {
                            "security_id": security, "period_end": end, "item": item, "revision": revision,
                            "value": float("nan") if kind == 9 else float(rng.normal(1e6, 1e5)),
                            "published_on": None if kind == 8 else published,
                            "available_at": None if kind in (7, 8) else at(published + timedelta(days=1)),
                        }
                    )  # fmt: skip
                published += timedelta(days=int(rng.integers(-5, 60)))
    return rows + [_delivered_again(row) for row in rows[::7]]


def _delivered_again(row: dict[str, object]) -> dict[str, object]:
    told = row["available_at"]
    return row | {"available_at": told + timedelta(days=150) if isinstance(told, datetime) else None}


def _news(rng: np.random.Generator) -> Rows:
    return [
        {
            "news_id": f"n{rng.integers(0, 150)}", "security_id": SECURITIES[int(rng.integers(0, 5))],
            "kind": ("news", "announcement", "rumour")[int(rng.integers(0, 3))],
            "title": ("profit rises", "", "orders fall")[int(rng.integers(0, 3))], "available_at": _instant(rng),
        }
        for _ in range(200)
    ]  # fmt: skip


def _policy(rng: np.random.Generator) -> Rows:
    return [
        {
            "event_id": f"e{number % 40}", "theme": "housing", "industry": ("cement", "panels")[number % 2],
            "title": ("support", "curb")[int(rng.integers(0, 2))], "available_at": _instant(rng),
        }
        for number in range(60)
    ]  # fmt: skip


def _edges(rng: np.random.Generator) -> Rows:
    return [
        {
            "supplier_id": SECURITIES[int(rng.integers(0, 5))], "customer_id": SECURITIES[int(rng.integers(0, 5))],
            "weight": float(rng.uniform(0, 1.1)), "holds": bool(rng.random() < 0.6), "available_at": _instant(rng),
        }
        for _ in range(200)
    ]  # fmt: skip


def _industries(rng: np.random.Generator) -> Rows:
    return [
        {
            "security_id": SECURITIES[int(rng.integers(0, 5))], "industry": "abc"[int(rng.integers(0, 3))],
            "holds": bool(rng.random() < 0.5), "available_at": at(_day(rng)),
        }
        for _ in range(150)
    ]  # fmt: skip


def _members(rng: np.random.Generator) -> Rows:
    return [
        {
            "index_id": "i1", "security_id": SECURITIES[int(rng.integers(0, 5))],
            "weight": float(rng.uniform(0, 0.6)), "holds": bool(rng.random() < 0.7), "available_at": at(_day(rng)),
        }
        for _ in range(100)
    ]  # fmt: skip


def _shares(rng: np.random.Generator) -> Rows:
    return [
        {
            "security_id": SECURITIES[int(rng.integers(0, 3))], "float_shares": float(rng.integers(-1, 9)) * 1e8,
            "total_shares": 5e8 if rng.random() < 0.5 else None, "available_at": at(_day(rng), 16),
        }
        for _ in range(40)
    ]  # fmt: skip


def _index_bars(rng: np.random.Generator) -> Rows:
    days = [date(2014, 7, 1) + timedelta(days=number) for number in range(60)]
    return [
        {"session": day, "index_id": "i1", "close": float(rng.uniform(-0.5, 3)), "available_at": at(day, 16)}
        for day in days
        if day.weekday() < 5
    ]


MAKERS = {
    RawStatements: _statements,
    RawNews: _news,
    RawPolicyEvents: _policy,
    RawSupplyChain: _edges,
    RawIndustries: _industries,
    RawIndexMembers: _members,
    RawFloatShares: _shares,
    RawIndexBars: _index_bars,
}
