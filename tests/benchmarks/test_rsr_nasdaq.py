"""RSR NASDAQ: the published days, names and labels; nothing of a day is known before it."""

import numpy as np
import polars as pl
import pytest

from assets.training.panel import TEST, TRAIN, VALID
from benchmarks.rsr_nasdaq import FOLDER, daily_ic, features, panel_of

published = pytest.mark.skipif(not FOLDER.is_dir(), reason="the published prices are not on this machine")


@pytest.fixture(scope="module")
def panel():
    bars = pl.read_parquet(FOLDER / "raw_ohlcv.parquet")
    return panel_of(bars, pl.read_parquet(FOLDER / "rsr_close_norm.parquet"))


@published
def test_the_split_has_the_published_days_and_its_labels_the_published_error_of_zero(panel):
    days = [len(np.unique(np.nonzero(panel.labelled(part))[1])) for part in (TRAIN, VALID, TEST)]
    assert days == [755, 252, 237]
    assert panel.grid.shape[0] == 1026
    assert np.square(panel.label_ST[panel.labelled(TEST)]).mean() == pytest.approx(3.775e-4, rel=1e-3)


@published
def test_the_label_of_a_session_is_the_return_of_the_next(panel):
    returns = panel.x_STF[:, :, panel.columns.index("log_return")]
    apart = np.log1p(panel.label_ST[:, :-1]) - returns[:, 1:]
    known = np.isfinite(apart) & (np.abs(returns[:, 1:]) < 0.49)
    assert np.abs(apart[known]).max() < 1e-6


def test_a_later_day_changes_no_earlier_feature():
    rng = np.random.default_rng(0)
    prices = {name: np.exp(rng.normal(3, 0.05, (6, 60))) for name in ("open", "high", "low", "close", "volume")}
    prices["close"][2, 10:14] = np.nan
    later = {name: np.where(np.arange(60) >= 40, 99.0, values) for name, values in prices.items()}
    for (name, one), other in zip(features(prices).items(), features(later).values(), strict=True):
        np.testing.assert_array_equal(one[:, :40], other[:, :40], err_msg=name)
        assert np.isfinite(one[3, 1:]).all()


@published
def test_the_ic_is_the_daily_correlation_over_known_returns(panel):
    cells = np.argwhere(panel.labelled(TEST))[::7]
    frame = pl.DataFrame(
        {
            "session": [panel.grid.sessions[t] for t in cells[:, 1]],
            "security_id": [panel.grid.securities[s] for s in cells[:, 0]],
            "forecast": 2 * panel.label_ST[cells[:, 0], cells[:, 1]].astype(float) + 1,
        }
    )
    np.testing.assert_allclose(daily_ic(panel, frame), 1)
