"""Story: no label reaches over a boundary, and no feature knows a later session."""

import numpy as np
import polars as pl
import pytest

from assets.training.panel import TEST, TRAIN, VALID
from benchmarks.story import ENTRY, FILE, FOLDS, HORIZON, LAST, fold_of, panel_of

pytestmark = pytest.mark.skipif(not FILE.is_file(), reason="the six names are not on this machine")


@pytest.fixture(scope="module")
def rows():
    return pl.read_parquet(FILE)


@pytest.fixture(scope="module")
def panel(rows):
    return panel_of(rows)


def test_the_windows_lie_so_far_apart_that_no_label_reaches_over(panel):
    for start, after in zip(FOLDS, (*FOLDS[1:], LAST), strict=True):
        part = fold_of(panel, start, after)
        train, valid, test = (np.flatnonzero((part.segment_ST == one).any(0)) for one in (TRAIN, VALID, TEST))
        assert valid[0] - train[-1] > ENTRY + HORIZON
        assert test[0] - valid[-1] > ENTRY + HORIZON
        assert start <= part.grid.sessions[test[0]]
        assert part.grid.sessions[test[-1]] < after


def test_the_label_is_the_adjusted_return_between_the_two_vwaps(rows, panel):
    one = rows.filter(pl.col("code") == "sh601668").sort("date")
    price = (one["amount"] / one["volume"] * one["bs_qfq_close"] / one["close"]).to_numpy()
    row = panel.grid.securities.index("sh601668")
    told = price[ENTRY + HORIZON :] / price[ENTRY:-HORIZON] - 1
    known = np.isfinite(told)
    np.testing.assert_allclose(panel.label_ST[row, : -ENTRY - HORIZON][known], told[known], atol=1e-6)


def test_a_later_session_changes_no_earlier_feature(rows, panel):
    cut = panel.grid.sessions[600]
    later = rows.with_columns(
        pl.when(pl.col("date") >= cut).then(pl.col(name) * 3).otherwise(pl.col(name)).alias(name)
        for name in ("open", "high", "low", "close", "amount", "volume")
    )
    again = panel_of(later)
    np.testing.assert_array_equal(again.x_STF[:, :600], panel.x_STF[:, :600])
    before = 600 - ENTRY - HORIZON
    np.testing.assert_array_equal(again.label_ST[:, :before], panel.label_ST[:, :before])
