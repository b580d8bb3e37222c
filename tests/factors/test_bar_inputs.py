from datetime import date

import numpy as np
import polars as pl

from assets.factors.bar_inputs import COLUMNS, bar_inputs
from assets.factors.expression import STILL_LISTED

SESSIONS = pl.date_range(date(2014, 1, 1), date(2014, 3, 1), eager=True).alias("session")


def rows(security, days, suspended=()):
    halted = [day in suspended for day in days]
    return pl.DataFrame(
        {"session": [SESSIONS[day] for day in days], "security_id": security, "is_suspended": halted}
    ).with_columns(**{name: pl.when(~pl.col("is_suspended")).then(1.5) for name in COLUMNS})


def test_a_session_without_trade_is_a_hole_and_one_of_the_security():
    grid, wide = bar_inputs(rows("a", [2, 3, 4, 6], suspended=[3]), SESSIONS)
    assert np.flatnonzero(np.isfinite(wide["close"][0])).tolist() == [2, 4, 6]
    assert np.flatnonzero(wide["is_listed"][0]).tolist() == list(range(2, 6 + STILL_LISTED + 1))
    assert grid.sessions == tuple(SESSIONS)


def test_a_long_silence_ends_a_listing_and_a_suspended_row_does_not():
    _, wide = bar_inputs(pl.concat([rows("a", [0, 30, 31]), rows("b", [0, 15, 30, 31], suspended=[15])]), SESSIONS)
    assert not wide["is_listed"][0, STILL_LISTED + 1 : 30].any()
    assert wide["is_listed"][1, :50].all()


def test_a_security_that_never_trades_is_left_out():
    grid, _ = bar_inputs(pl.concat([rows("a", [0]), rows("b", [1], suspended=[1])]), SESSIONS)
    assert grid.securities == ("a",)
