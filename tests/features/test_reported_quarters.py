import numpy as np
import pytest

from assets.features.publications import CELLS, QUARTERS
from assets.features.reported_quarters import (
    figures,
    implied,
    relative_change,
    single_quarters,
    surprise,
    twelve_months,
)

FOURTH = 4 * 2014 + 3


def cumulative(single: np.ndarray, latest: int) -> np.ndarray:
    """Year-to-date values, latest first, of single quarters given earliest first; the first begins a year."""
    start = latest - len(single) + 1
    assert start % 4 == 0
    years = [single[i : i + 4].cumsum() for i in range(0, len(single), 4)]
    return np.concatenate(years)[::-1][None, :QUARTERS]


def nothing() -> dict[str, np.ndarray]:
    return {name: np.full((1, QUARTERS), np.nan) for name in CELLS}


@pytest.mark.parametrize("latest", [FOURTH, FOURTH - 1, FOURTH - 2, FOURTH - 3])
def test_cumulative_figures_become_single_quarters_and_twelve_months(latest):
    single = np.array([3.0, -1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3, 8, 4])[: 20 - (FOURTH - latest)]
    told, quarter = cumulative(single, latest), np.array([latest])
    assert single_quarters(told, quarter)[0].tolist() == single[::-1][: QUARTERS - 1].tolist()
    assert twelve_months(told, quarter)[0] == single[-4:].sum()
    assert twelve_months(told, quarter, 4)[0] == single[-8:-4].sum()


def test_the_annual_report_alone_tells_twelve_months_but_no_quarter():
    told = np.full((1, QUARTERS), np.nan)
    told[0, 0] = 10.0
    assert twelve_months(told, np.array([FOURTH])).tolist() == [10.0]
    assert np.isnan(single_quarters(told, np.array([FOURTH]))).all()
    assert np.isnan(twelve_months(told, np.array([FOURTH - 1]))).all()


def test_a_surprise_is_the_change_over_the_deviation_of_the_eight_before():
    rng = np.random.default_rng(1)
    single = rng.normal(5, 2, 16)
    changes = single[4:] - single[:-4]
    expected = changes[-1] / changes[-9:-1].std(ddof=1)
    assert surprise(cumulative(single, FOURTH), np.array([FOURTH]))[0] == pytest.approx(expected, rel=1e-12)


def test_a_surprise_needs_four_changes_before_it_and_is_cut_at_ten():
    single = np.array([1.0, 1, 1, 1, 2, 1, 3, 1, 2, 2, 2, 2, 1, 1, 1, 900])
    told = cumulative(single, FOURTH)
    assert surprise(told, np.array([FOURTH])).tolist() == [10.0]
    told[0, 12:] = np.nan
    assert np.isfinite(surprise(told, np.array([FOURTH]))).all()
    told[0, 9:] = np.nan
    assert np.isnan(surprise(told, np.array([FOURTH]))).all()


def test_a_security_whose_profit_never_changed_has_no_surprise():
    told = cumulative(np.ones(16), FOURTH)
    assert np.isnan(surprise(told, np.array([FOURTH]))).all()


def test_growth_is_defined_through_losses_and_not_from_nothing_to_nothing():
    found = relative_change(np.array([3.0, 1, -1, 0]), np.array([1.0, -1, 1, 0]))
    assert found[:3].tolist() == [0.5, 1.0, -1.0]
    assert np.isnan(found[3])


def test_what_a_source_tells_as_ratios_is_implied():
    known = nothing()
    ratios = {
        "net_profit": 10.0, "net_margin": 0.05, "cash_to_revenue": 0.1, "asset_turnover": 0.5, "assets_to_equity": 4.0,
    }  # fmt: skip
    for name, value in ratios.items():
        known[name][:] = value
    known["revenue"][:] = 190.0
    told = implied(known)
    expected = {"revenue": 200.0, "operating_cash_flow": 20.0, "total_assets": 400.0, "equity": 100.0}
    for name, value in expected.items():
        assert told[name] == pytest.approx(value), name
    known["net_margin"][:] = 0.0
    assert implied(known)["revenue"] == pytest.approx(190.0)


def test_quality_is_not_told_on_losses_of_all_equity():
    known = nothing()
    for name, value in {"net_profit": -10.0, "equity": -5.0, "total_assets": 50.0, "revenue": 0.0}.items():
        known[name][:] = value
    found = figures(known, np.array([FOURTH]))
    assert np.isnan(found["return_on_equity_ttm"][0])
    assert np.isnan(found["net_margin_ttm"][0])
    assert found["equity_to_assets"][0] == -0.1


def test_a_restatement_shows_in_size_and_number():
    known = nothing()
    known["net_profit"][:] = 100.0
    known["first_net_profit"][:] = 100.0
    known["first_net_profit"][0, :2] = (60.0, 90.0)
    found = figures(known, np.array([FOURTH]))
    assert found["profit_restated_ttm"][0] == 0.25
    assert found["restated_quarters_8q"][0] == 2.0
    known["first_net_profit"] = known["net_profit"]
    found = figures(known, np.array([FOURTH]))
    assert (found["profit_restated_ttm"][0], found["restated_quarters_8q"][0]) == (0.0, 0.0)
