"""Fixtures: one small hand-made market that several stages are tested on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np
import polars as pl
import pytest

from expectations.tables import EXCHANGE_TIME_ZONE, RawBars

pytest_plugins = ["tests.year_of_bars"]

SESSIONS = pl.date_range(date(2014, 1, 1), date(2014, 12, 31), eager=True)
SECURITIES = ("sh600001", "sh600002", "sz000003", "sz000004", "sz300005")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The river first: it takes longest, and waits on servers while another process computes."""
    items.sort(key=lambda item: item.path.name != "test_river.py")


@pytest.fixture(scope="session", autouse=True)
def ledgers_apart(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test writes to the ledgers of trials and openings of who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KINDLING_TRIALS", str(tmp_path_factory.mktemp("trials")))
        yield


@pytest.fixture(scope="session")
def market() -> pl.DataFrame:
    """Raw bars of five names on the weekdays of 2014: a split, a halt of 12 and one of 70 sessions, a delisting."""
    sessions = SESSIONS.filter(SESSIONS.dt.weekday() <= 5)
    rng = np.random.default_rng(0)
    parts = []
    for number, security in enumerate(SECURITIES):
        close = np.round(10 * np.exp(np.cumsum(rng.normal(0, 0.015, len(sessions)))) + number, 2)
        split = (
            np.where(np.arange(len(sessions)) >= 130, 2.0, 1.0) if security == "sh600002" else np.ones(len(sessions))
        )
        close = np.round(close / split, 2)
        spread = np.round(np.abs(rng.normal(0, 0.05, len(sessions))) + 0.02, 2)
        halted = np.zeros(len(sessions), dtype=bool)
        halted[{"sz000003": slice(150, 162), "sz000004": slice(60, 130)}.get(security, slice(0, 0))] = True
        volume = np.round(np.exp(rng.normal(13, 0.5, len(sessions)))) * split
        before = np.concatenate([close[:1], close[:-1]]) * np.concatenate([[1.0], split[:-1] / split[1:]])
        part = pl.DataFrame(
            {
                "session": sessions,
                "security_id": security,
                "open": close + np.round(spread / 3, 2),
                "high": close + spread,
                "low": close - spread,
                "close": close,
                "volume": volume,
                "amount": volume * (close + spread / 4),
                "prev_close": np.round(before, 2),
                "adj_factor": split * (1 + number),
                "is_suspended": halted,
            }
        )
        parts.append(part.head(200) if security == "sz300005" else part)
    return RawBars.cast(pl.concat(parts).pipe(_completed))


def _completed(rows: pl.DataFrame) -> pl.DataFrame:
    traded = ["open", "high", "low", "close", "volume", "amount"]
    return rows.with_columns(
        *(pl.when(~pl.col("is_suspended")).then(pl.col(name)).alias(name) for name in traded),
        board=pl.when(pl.col("security_id").str.starts_with("sz30")).then(pl.lit("chinext")).otherwise(pl.lit("main")),
        listed_on=pl.lit(date(2010, 1, 4)),
        is_st=pl.lit(False),
        available_at=pl.col("session")
        .cast(pl.Datetime("us"))
        .dt.replace_time_zone(EXCHANGE_TIME_ZONE)
        .dt.offset_by("16h"),
        delivery=pl.format("{} {}", "security_id", "session"),
        is_unreformed=pl.lit(None, dtype=pl.Boolean),
        source_objection=pl.lit(None, dtype=pl.String),
    )
