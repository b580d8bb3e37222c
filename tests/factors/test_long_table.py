from datetime import date

import numpy as np
import polars as pl

from assets.factors.bar_inputs import CLOSE, COLUMNS
from assets.factors.expression import ref
from assets.factors.factor import Factor
from assets.factors.long_table import long_table
from assets.wide import Grid

GRID = Grid((date(2014, 1, 2), date(2014, 1, 3), date(2014, 1, 6)), ("a", "b"))


def inputs(close):
    close = np.array(close)
    return {**{name: close for name in COLUMNS}, "adj_factor": np.ones_like(close), "is_listed": np.ones_like(close)}


def test_there_is_one_row_per_traded_bar_in_order():
    wide = inputs([[10.0, 11, 12], [20.0, np.nan, 30]])
    found = long_table([Factor("roc_1d", ref(CLOSE, 1) / CLOSE, "x"), Factor("one_0d", CLOSE / CLOSE, "x")], GRID, wide)
    expected = pl.DataFrame(
        {
            "session": [GRID.sessions[i] for i in (0, 0, 1, 2, 2)],
            "security_id": ["a", "b", "a", "a", "b"],
            "roc_1d": pl.Series([None, None, 10 / 11, 11 / 12, None], dtype=pl.Float32),
            "one_0d": pl.Series([1.0] * 5, dtype=pl.Float32),
        }
    )
    assert found.equals(expected)


def test_what_is_not_finite_is_null():
    wide = inputs([[10.0, 11, 12], [20.0, 20, 20]])
    wide["volume"] = np.array([[0.0, 5, 0], [1e-30, 1e30, 1]])
    found = long_table([Factor("turn_1d", wide_turn(), "x")], GRID, wide)
    assert found["turn_1d"].to_list() == [None, None, None, None, 0.0, np.float32(1e-30)]


def wide_turn():
    from assets.factors.bar_inputs import VOLUME

    return VOLUME / ref(VOLUME, 1)
