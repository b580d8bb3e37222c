"""Fixtures: a small fold as frames, in which the return of a session foretells, and its panel."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from assets.training.panel import Panel, build_panel

SECURITIES = tuple(f"sh6000{number:02d}" for number in range(24))
SESSIONS = tuple(date(2014, 1, 1) + timedelta(days=number) for number in range(160))
WINDOWS = {"train": (20, 100), "purged": (100, 103), "valid": (103, 128), "test": (131, 160)}


@pytest.fixture(scope="session")
def frames() -> dict[str, object]:
    """Arguments of `build_panel`: two feature groups, labels with holes, a universe with a name that leaves it."""
    rng = np.random.default_rng(0)
    keys = pl.DataFrame({"session": SESSIONS}).join(pl.DataFrame({"security_id": SECURITIES}), how="cross")
    shape = len(SESSIONS), len(SECURITIES)
    returns = rng.normal(0, 0.02, shape)
    label = 0.02 * rng.normal(0, 1, shape)
    label[1:] += 1.5 * returns[:-1]
    segment = np.full(len(SESSIONS), "outside", dtype=object)
    for name, (start, stop) in WINDOWS.items():
        segment[start:stop] = name
    window = keys.with_columns(
        open_to_close=pl.Series(rng.normal(0, 0.01, shape).ravel()), log_return=pl.Series(returns.ravel())
    )
    volume = keys.with_columns(turnover=pl.Series(np.exp(rng.normal(0, 1, shape)).ravel()))
    labels = keys.with_columns(
        forward_return=pl.Series(np.where(rng.random(shape) < 0.1, np.nan, label).ravel()).fill_nan(None),
        segment=pl.Series(np.repeat(segment, len(SECURITIES)).tolist()),
    )
    leaves = (pl.col("security_id") == SECURITIES[3]) & (pl.col("session") >= SESSIONS[60])
    return {
        "features": {
            "price_window": window.sample(fraction=0.97, seed=0),
            "price_volume": volume.sample(fraction=0.97, seed=1),
        },
        "sequence": {"price_window"},
        "labels": labels,
        "universe": keys.with_columns(is_member=~leaves),
        "sessions": SESSIONS,
    }


@pytest.fixture(scope="session")
def panel(frames: dict[str, object]) -> Panel:
    """The panel of those frames."""
    return build_panel(**frames)
