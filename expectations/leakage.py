"""Leakage: whether windows are apart and rows were there in time, as pure functions that return evidence tables."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Protocol

import polars as pl

from expectations.decisions import DECIDED_HOUR, decided_at, decision_instant
from expectations.evidence import PURGE, TIMESTAMP_ORDER


class Windows(Protocol):
    """The calendar dates that `purge` reads of a fold."""

    @property
    def key(self) -> str:
        """Calendar start of the test window, as text."""

    @property
    def train_start(self) -> date:
        """First day of train."""

    @property
    def valid_start(self) -> date:
        """First day of valid, and the end of train."""

    @property
    def test_start(self) -> date:
        """First day of test, and the end of valid."""

    @property
    def test_end(self) -> date:
        """First day after test."""


def purge(labels: pl.DataFrame, fold: Windows, decided_hour: int = DECIDED_HOUR) -> pl.DataFrame:
    """By boundary of a fold, whether every label kept before it was settled before the first decision after it.

    labels   rows of ForwardReturns for one horizon, with `segment`
    returns  PURGE; without rows before a boundary nothing is shown, and it fails
    """
    windows = {
        "train": (fold.train_start, fold.valid_start),
        "valid": (fold.valid_start, fold.test_start),
        "test": (fold.test_start, fold.test_end),
    }
    rows = [
        _boundary(labels, windows, before, after, decided_hour)
        for before, after in (("train", "valid"), ("train", "test"), ("valid", "test"))
    ]
    return pl.DataFrame([{"fold": fold.key, **row} for row in rows], schema=PURGE)


def _boundary(
    labels: pl.DataFrame, windows: Mapping[str, tuple[date, date]], before: str, after: str, hour: int
) -> dict[str, object]:
    window = {name: labels.filter(pl.col("session").is_between(*ends, closed="left")) for name, ends in windows.items()}
    kept = labels.filter(segment=before)
    astray = kept.height - window[before].filter(segment=before).height
    unsettled = kept["exited_at"].null_count()
    last = kept["exited_at"].max()
    opens = window[after]["session"].min()
    first = decision_instant(opens if isinstance(opens, date) else windows[after][0], hour)
    gap = (first - last).total_seconds() / 3600 if isinstance(last, datetime) else None
    return {
        "boundary": f"{before}|{after}",
        "rows_before": kept.height,
        "rows_unsettled": unsettled,
        "rows_astray": astray,
        "rows_purged": window[before].filter(segment="purged").height,
        "last_exit": last,
        "first_decision": first,
        "gap_hours": gap,
        "passed": gap is not None and gap > 0 and unsettled == 0 and astray == 0,
    }


def timestamp_order(bars: pl.DataFrame, decided_hour: int) -> pl.DataFrame:
    """By session, whether all its bars could be known at the decision. Returns TIMESTAMP_ORDER.

    A bar that arrives later than `decided_hour`, or at an unknown time, fails its session.
    """
    return (
        bars.group_by("session")
        .agg(
            rows=pl.len(),
            rows_undated=pl.col("available_at").null_count(),
            last_available_at=pl.col("available_at").max(),
        )
        .with_columns(decided_at=decided_at(pl.col("session"), decided_hour))
        .with_columns(
            passed=(pl.col("rows_undated") == 0)
            & (pl.col("last_available_at") <= pl.col("decided_at")).fill_null(value=False)
        )
        .sort("session")
        .select(pl.col(name).cast(kind) for name, kind in TIMESTAMP_ORDER.items())
    )
