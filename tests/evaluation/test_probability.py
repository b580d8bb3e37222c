"""Probability: published anchors, identities, and what doubt at random is worth."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from assets.evaluation.probability import (
    accuracy,
    augrc,
    aurc,
    brier,
    calibration_error,
    decomposition,
    excess_aurc,
    log_loss,
    matthews,
    random_aurc,
    reliability,
    risk_by_coverage,
)

P = np.array([0.1, 0.2, 0.3, 0.35, 0.6, 0.65, 0.8, 0.9])
Y = np.array([0, 0, 1, 0, 1, 0, 1, 1], dtype=bool)
WRONG = ((P >= 0.5) != Y).astype(float)
DOUBT = 1 - np.maximum(P, 1 - P)


def test_small_cases_have_the_scores_worked_by_hand():
    assert brier(P, Y) == pytest.approx(0.161875)
    assert calibration_error(P, Y, bins=5, by="width") == pytest.approx(0.2)
    assert aurc(WRONG, DOUBT) == pytest.approx(0.112798, abs=1e-6)
    assert aurc(WRONG, WRONG) == pytest.approx(0.049107, abs=1e-6)
    assert excess_aurc(WRONG, DOUBT) == pytest.approx(0.063690, abs=1e-6)
    assert accuracy(P, Y) == 0.75
    assert log_loss(np.array([0.25]), np.array([True])) == pytest.approx(np.log(4))
    assert matthews(P, Y) == pytest.approx(0.5)


def test_generalised_risk_is_coverage_times_risk():
    coverage = np.arange(1, 9) / 8
    assert augrc(WRONG, DOUBT) == pytest.approx(np.mean(coverage * risk_by_coverage(WRONG, DOUBT)))
    assert augrc(WRONG, WRONG) == pytest.approx((1 + 2) / 8 / 8)


def test_scores_agree_with_an_independent_library():
    metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    p, y = rng.random(500), rng.random(500) < 0.4
    assert brier(p, y) == pytest.approx(metrics.brier_score_loss(y, p))
    assert log_loss(p, y) == pytest.approx(metrics.log_loss(y, p))
    assert matthews(p, y) == pytest.approx(metrics.matthews_corrcoef(y, p >= 0.5))


def test_a_certainty_that_fails_costs_much_and_not_without_end():
    assert 25 < log_loss(np.array([0.0]), np.array([True])) < 30


def test_who_says_always_the_same_has_no_correlation_and_no_resolution():
    always = np.full(8, 0.7)
    assert matthews(always, Y) == 0
    assert matthews(P, np.ones(8, dtype=bool)) == 0
    assert decomposition(always, Y).resolution == pytest.approx(0)


@given(st.integers(2, 400), st.integers(0, 10**6))
def test_the_parts_add_up_where_a_bin_holds_one_value(count, seed):
    rng = np.random.default_rng(seed)
    p, y = rng.choice([0.05, 0.35, 0.75], size=count), rng.random(count) < 0.5
    parts = decomposition(p, y, bins=10, by="width")
    assert parts.reliability - parts.resolution + parts.uncertainty == pytest.approx(brier(p, y), abs=1e-12)


def test_a_diagram_of_true_probabilities_holds_them_in_its_ranges():
    rng = np.random.default_rng(1)
    p = rng.random(20_000)
    found = reliability(p, rng.random(20_000) < p)
    assert found["cases"].to_list() == [2000] * 10
    assert ((found["lower"] < found["stated"]) & (found["stated"] < found["upper"])).sum() >= 9
    assert (found["upper"] - found["lower"]).max() < 0.05
    assert calibration_error(p, rng.random(20_000) < p) < 0.02


def test_bins_of_equal_width_without_cases_are_left_out():
    found = reliability(np.array([0.05, 0.95, 1.0]), np.array([False, True, True]), by="width")
    assert found["bin"].to_list() == [0, 9]
    assert found["cases"].to_list() == [1, 2]


def test_doubt_at_random_is_worth_the_mean_and_true_doubt_is_worth_more():
    rng = np.random.default_rng(2)
    p = rng.random(4000)
    loss = (p - (rng.random(4000) < p)) ** 2
    drawn = [aurc(loss, rng.random(4000)) for _ in range(50)]
    assert np.mean(drawn) == pytest.approx(random_aurc(loss), rel=0.01)
    assert aurc(loss, -np.abs(p - 0.5)) < random_aurc(loss) - 0.03
    assert risk_by_coverage(loss, p)[-1] == pytest.approx(loss.mean())
