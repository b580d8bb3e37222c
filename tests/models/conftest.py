"""Fixtures: a small panel in which yesterday's return foretells, cut into train and valid cells."""

from __future__ import annotations

import numpy as np
import pytest

from models.ranking import normal_scores
from models.windows import Cells, TableLayout

COLUMNS = ("open_to_close", "log_return", "turnover")
SEQUENCE = ("open_to_close", "log_return")
GROUPS = ("price_window", "price_window", "activity")
SECURITIES, SESSIONS, VALID_FROM = 30, 120, 90


@pytest.fixture(scope="session")
def x_STF() -> np.ndarray:
    """Raw features [30, 120, 3]; three in a hundred are absent."""
    rng = np.random.default_rng(0)
    x = rng.normal(0, 0.02, (SECURITIES, SESSIONS, len(COLUMNS))).astype(np.float32)
    x[rng.random(x.shape) < 0.03] = np.nan
    return x


@pytest.fixture(scope="session")
def train(x_STF: np.ndarray) -> Cells:
    """Labelled cells of the first 90 sessions."""
    return labelled(x_STF, 0, VALID_FROM)


@pytest.fixture(scope="session")
def valid(x_STF: np.ndarray) -> Cells:
    """Labelled cells of the last 30 sessions."""
    return labelled(x_STF, VALID_FROM, SESSIONS)


@pytest.fixture
def layout() -> TableLayout:
    """Five lags of the sequence columns and the last value of the other."""
    return TableLayout(COLUMNS, SEQUENCE, look_back=5, groups=GROUPS)


def labelled(x_STF: np.ndarray, start: int, stop: int) -> Cells:
    sessions, rows = np.nonzero(np.ones((stop - start, SECURITIES)))
    sessions = sessions + start
    rng = np.random.default_rng(start)
    signal = np.nan_to_num(x_STF[rows, np.maximum(sessions - 1, 0), 1]) / 0.02
    label = signal + rng.normal(0, 1, len(rows))
    return Cells(x_STF, rows, sessions, normal_scores(label, sessions).astype(np.float32))
