import numpy as np
import pytest

from assets.factors.bar_inputs import CLOSE, COLUMNS, VOLUME
from assets.factors.compute import compute
from assets.factors.factor import Factor


def bars_like(close: np.ndarray, volume: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """The inputs of factors where only closes and volumes matter; a session without a close has no trade."""
    close = np.atleast_2d(np.asarray(close, dtype=float))
    traded = np.where(np.isnan(close), np.nan, 1.0)
    wide = {name: close.copy() for name in COLUMNS}
    wide["volume"] = traded * (1e6 if volume is None else volume)
    wide["adj_factor"] = traded
    seen = np.maximum.accumulate(~np.isnan(close), axis=1)
    return {**wide, "is_listed": seen.astype(float)}


@pytest.fixture
def answer():
    """What an operator makes of closes (and volumes) over a window, [S, T], freed of the unit of its series."""

    def ask(make, close, volume=None):
        expression = make(CLOSE, VOLUME)
        level = {1: CLOSE, -1: VOLUME, 0: None}[expression.unit.adjusted]
        wide = bars_like(close, volume)
        if level is None:
            return compute([Factor("x", expression, "asked")], wide)["x"]
        found = compute([Factor("x", expression / level, "asked")], wide)["x"]
        return found * wide["close" if level is CLOSE else "volume"]

    return ask
