"""Forecasts: what a fitted model says of every member of the universe, in the validation and in the test window."""
# S securities, T sessions, F features, B batch, L look-back

from __future__ import annotations

import numpy as np
import polars as pl

from assets.training.panel import TEST, VALID, Panel
from expectations.decisions import DECIDED_HOUR, decision_instant
from expectations.tables import Forecasts
from models.served import Forecaster
from models.windows import windows

WINDOWS_AT_ONCE = 4096
NAMES = {VALID: "valid", TEST: "test"}


def forecasts(
    panel: Panel, forecaster: Forecaster, seed: int, fold_key: str, decided_hour: int = DECIDED_HOUR
) -> pl.DataFrame:
    """The table Forecasts of one fold and seed: the member cells of valid and test, whether or not they have a label.

    Each forecast comes from the plain window that ends at its session, through the same `predict` as in serving.
    decided_hour  hour of the decision in exchange time
    raises        ValueError when the panel has other columns than the forecaster was fitted on
    """
    if panel.columns != forecaster.columns:
        raise ValueError(
            f"the panel has columns {list(panel.columns)}; the forecaster was fitted on {list(forecaster.columns)}; "
            "build the panel from the same feature groups, in the same order"
        )
    rows, sessions = panel.forecast_cells()
    forecast_B = np.empty(len(rows))
    for start in range(0, len(rows), WINDOWS_AT_ONCE):
        part = slice(start, start + WINDOWS_AT_ONCE)
        x_BLF = windows(panel.x_STF, rows[part], sessions[part], forecaster.spec.look_back)
        forecast_B[part] = forecaster.predict(x_BLF)
    instants = pl.Series([decision_instant(session, decided_hour) for session in panel.grid.sessions])
    frame = pl.DataFrame(
        {
            "session": pl.Series(panel.grid.sessions, dtype=pl.Date).gather(sessions),
            "security_id": pl.Series(panel.grid.securities, dtype=pl.String).gather(rows),
            "seed": pl.Series(np.full(len(rows), seed, dtype=np.int32)),
            "segment": pl.Series(panel.segment_ST[rows, sessions]).replace_strict(NAMES, return_dtype=pl.String),
            "fold": pl.repeat(fold_key, len(rows), eager=True),
            "forecast": forecast_B,
            "decided_at": instants.gather(sessions),
        }
    )
    return Forecasts.validate(frame, cast=True)
