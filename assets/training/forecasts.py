"""Forecasts: what a fitted model says of every member of the universe, in the validation and in the test window."""
# S securities, T sessions, F features, B batch, L look-back

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.training.panel import TEST, VALID, Panel, asked
from expectations.decisions import DECIDED_HOUR, decision_instant
from expectations.tables import Forecasts
from models.outlook import STATED, joined
from models.served import Forecaster

WINDOWS_AT_ONCE = 4096
UNLESS_STATED = STATED[1:]
NAMES = {VALID: "valid", TEST: "test"}


def forecasts(
    panel: Panel, forecaster: Forecaster, seed: int, fold_key: str, decided_hour: int = DECIDED_HOUR
) -> pl.DataFrame:
    """The table Forecasts of one fold and seed: the member cells of valid and test, whether or not they have a label.

    What is stated comes from the plain window that ends at its session, through the same `predict` as in serving.
    decided_hour  hour of the decision in exchange time
    raises        ValueError when the panel has other columns than the forecaster was fitted on
    """
    if panel.columns != forecaster.columns:
        raise ValueError(
            f"the panel has columns {list(panel.columns)}; the forecaster was fitted on {list(forecaster.columns)}; "
            "build the panel from the same feature groups, in the same order"
        )
    rows, sessions = panel.forecast_cells()
    parts = [
        forecaster.predict(asked(panel, rows[part], sessions[part], forecaster.spec.look_back))
        for part in whole_sessions(sessions)
    ]
    stated = joined(parts).stated() if parts else {}
    instants = pl.Series([decision_instant(session, decided_hour) for session in panel.grid.sessions])
    frame = pl.DataFrame(
        {
            "session": pl.Series(panel.grid.sessions, dtype=pl.Date).gather(sessions),
            "security_id": pl.Series(panel.grid.securities, dtype=pl.String).gather(rows),
            "seed": pl.Series(np.full(len(rows), seed, dtype=np.int32)),
            "segment": pl.Series(panel.segment_ST[rows, sessions]).replace_strict(NAMES, return_dtype=pl.String),
            "fold": pl.repeat(fold_key, len(rows), eager=True),
            **{name: stated.get(name, np.full(len(rows), np.nan)) for name in STATED},
            "decided_at": instants.gather(sessions),
        }
    )
    return Forecasts.validate(frame.with_columns(pl.col(UNLESS_STATED).fill_nan(None)), cast=True)


def whole_sessions(sessions_B: NDArray[np.intp]) -> list[slice]:
    """Cells in time order in parts of about as many windows as are asked at once; no session is in two of them."""
    starts = np.flatnonzero(np.diff(sessions_B, prepend=-1))
    chosen = np.unique(np.searchsorted(starts, np.arange(0, len(sessions_B), WINDOWS_AT_ONCE)))
    edges = [*starts[chosen[chosen < len(starts)]].tolist(), len(sessions_B)]
    return [slice(first, end) for first, end in pairwise(edges)]
