"""Reasons: which inputs moved the forecasts of a session, by leaving out one at a time."""
# B names of the session, L look-back, F inputs

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl

from assets.training.panel import Panel, asked
from models.served import Forecaster


def moved_by(panel: Panel, forecaster: Forecaster) -> pl.DataFrame:
    """security_id, column, change: the forecast of each member of the last session less that with a column unknown.

    An input is made unknown for every name at once, since a model may look from one name to another; the change is in
    the terms in which the model forecasts. Changes do not add up to the forecast where inputs act together.
    """
    rows = np.flatnonzero(panel.member_ST[:, -1])
    sessions = np.full(len(rows), len(panel.grid.sessions) - 1)
    known = asked(panel, rows, sessions, forecaster.spec.look_back)
    forecast_B = forecaster.predict(known).forecast
    changes = {}
    for place, column in enumerate(panel.columns):
        x_BLF = known.x_BLF.copy()
        x_BLF[:, :, place] = np.nan
        changes[column] = forecast_B - forecaster.predict(replace(known, x_BLF=x_BLF)).forecast
    names = pl.Series("security_id", known.security_ids, dtype=pl.String)
    return pl.DataFrame([names, *(pl.Series(name, change) for name, change in changes.items())]).unpivot(
        index="security_id", variable_name="column", value_name="change"
    )
