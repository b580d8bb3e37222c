"""Fixtures: the frames of one small fold in which yesterday's return foretells, and a trial of an experiment on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from assets.folds.walk_forward import Fold
from expectations.tables import EXCHANGE_TIME_ZONE
from pipelines.experiment import Experiment
from pipelines.fold_path import Study
from pipelines.gate.fitting import Trial, reduced

FOLD = Fold("2014-07-01", date(2014, 1, 1), date(2014, 5, 1), date(2014, 7, 1), date(2014, 9, 1))
SECURITIES = [f"sh6000{number:02d}" for number in range(24)]
SESSIONS = [day for number in range(243) if (day := date(2014, 1, 1) + timedelta(days=number)).weekday() < 5]
HORIZON = 5
WALK_FORWARD = {"first_test": "2014-07-01", "train": "4mo", "valid": "2mo", "test": "2mo"}

TrialOf = Callable[..., Trial]


@pytest.fixture(scope="session")
def frames() -> dict[str, pl.DataFrame]:
    """Calendar, universe, labels of one horizon and two feature groups; every row is there, some labels are not."""
    rng = np.random.default_rng(100)
    shape = len(SESSIONS), len(SECURITIES)
    keys = pl.DataFrame({"session": SESSIONS}).join(pl.DataFrame({"security_id": SECURITIES}), how="cross")
    moves = rng.normal(0, 0.02, shape)
    returns = 0.03 * rng.normal(0, 1, shape) + moves
    at = [datetime(day.year, day.month, day.day, 15, tzinfo=ZoneInfo(EXCHANGE_TIME_ZONE)) for day in SESSIONS]
    exits = [*at[HORIZON + 1 :], *[None] * (HORIZON + 1)]
    settled = np.repeat([moment is not None for moment in exits], len(SECURITIES))
    filled = settled & (rng.random(returns.size) > 0.1)
    labels = keys.with_columns(
        horizon=pl.lit(HORIZON, dtype=pl.Int32),
        entered_at=pl.Series([m for m in at for _ in SECURITIES], dtype=pl.Datetime("us", EXCHANGE_TIME_ZONE)),
        exited_at=pl.Series([m for m in exits for _ in SECURITIES], dtype=pl.Datetime("us", EXCHANGE_TIME_ZONE)),
        forward_return=pl.Series(np.where(filled, returns.ravel(), np.nan)).fill_nan(None),
        paper_return=pl.Series(np.where(settled, returns.ravel(), np.nan)).fill_nan(None),
        status=pl.Series(np.where(filled, "filled", np.where(settled, "refused_locked_up", "pending"))),
    )
    window = keys.with_columns(
        open_to_close=pl.Series(rng.normal(0, 0.01, returns.size)), log_return=pl.Series(moves.ravel())
    )
    volume = keys.with_columns(**{f"volume_{n}": pl.Series(rng.normal(0, 1, returns.size)) for n in range(4)})
    return {
        "calendar": pl.DataFrame({"session": SESSIONS}),
        "universe": keys.with_columns(is_member=pl.Series(rng.random(returns.size) > 0.05)),
        "labels": labels,
        "price_window": window,
        "price_volume": volume,
    }


@pytest.fixture(scope="session")
def trial_of(frames: dict[str, pl.DataFrame]) -> TrialOf:
    """A trial of a model on those frames, with any other setting of its experiment."""
    groups = {
        name: SimpleNamespace(key=f"features/{name}", schema=SimpleNamespace(is_sequence=name == "price_window"))
        for name in ("price_window", "price_volume")
    }

    def made(model: dict[str, object], **settings: object) -> Trial:
        given = {"name": "study", "question": "Does anything follow the test window?", "model": model, **settings}
        experiment = Experiment.model_validate({"features": [*groups], "walk_forward": WALK_FORWARD, **given})
        return Trial(Study(reduced(experiment), groups), FOLD, frames)  # type: ignore[arg-type]

    return made
