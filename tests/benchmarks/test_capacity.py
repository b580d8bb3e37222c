"""Capacity benchmark: the known market is as its closed form says, and the form foretells the curve."""

import numpy as np
import pytest

from assets.evaluation.exchange import usual_deviation
from assets.evaluation.intervals import SESSIONS_PER_YEAR
from benchmarks import capacity as benchmark


def test_a_name_deviates_as_the_form_says_and_no_return_foretells_the_next():
    bars = benchmark.known_market().filter(security_id="sz000003").sort("session")
    close_T = bars["close"].to_numpy()
    up, down = (1 + benchmark.SWING) * (1 + benchmark.DRIFT) - 1, (1 + benchmark.DRIFT) / (1 + benchmark.SWING) - 1
    found = usual_deviation(close_T[None, :])[0, 25:]
    np.testing.assert_allclose(found, (up - down) / 2 * np.sqrt(20 / 19), rtol=1e-9)
    returns_T = close_T[1:] / close_T[:-1] - 1
    swing_T = returns_T - returns_T.mean()
    assert abs((swing_T[1:41] * swing_T[:40]).mean()) < 0.02 * (swing_T**2).mean()


@pytest.mark.parametrize("place", [2, 4])
def test_the_form_foretells_the_curve(place):
    row = benchmark.measured().row(place, named=True)
    expected = benchmark.closed_form().at(row["capital"])
    assert row["excess_return_annual"] / SESSIONS_PER_YEAR == pytest.approx(expected, rel=0.05)
