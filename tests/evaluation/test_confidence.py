"""Confidence: noise and doubt that mean something score better than such as do not."""

import numpy as np
import pytest

from assets.evaluation.confidence import (
    by_decile,
    by_session,
    check_gate,
    fitted_factor,
    gated_gain,
    log_likelihood,
    passed_gain,
    risk_by_share,
    selective_gain,
)

RNG = np.random.default_rng(0)
CASES = 20_000
SESSIONS = np.repeat(np.arange(CASES // 50), 50)


def test_the_likelihood_is_that_of_a_normal_law_and_best_at_the_true_scale():
    stats = pytest.importorskip("scipy.stats")
    scale = np.exp(RNG.normal(size=CASES))
    returns = scale * RNG.standard_normal(CASES)
    zero = np.zeros(CASES)
    np.testing.assert_allclose(
        log_likelihood(returns, zero + 0.1, scale)[:50], stats.norm(0.1, scale[:50]).logpdf(returns[:50])
    )
    assert fitted_factor(returns, zero, scale) == pytest.approx(1, abs=0.02)
    flat = np.ones(CASES)
    fair = flat * fitted_factor(returns, zero, flat)
    told = by_session(log_likelihood(returns, zero, scale) - log_likelihood(returns, zero, fair), SESSIONS)
    assert told.shape == (CASES // 50,)
    assert told.mean() > 0.3


def test_doubt_that_means_what_it_says_has_ratios_of_one():
    doubt = RNG.uniform(0.02, 0.2, CASES)
    true = np.clip(0.5 + doubt * RNG.standard_normal(CASES), 0, 1)
    found = by_decile(doubt, 0.5 - true)
    assert found["cases"].to_list() == [CASES // 10] * 10
    assert found["ratio"].to_list() == pytest.approx([1] * 10, abs=0.06)
    assert (found["error"].diff().drop_nulls() > 0).all()
    mixed = by_decile(RNG.permutation(doubt), 0.5 - true)
    assert mixed["ratio"].max() > 1.5


def test_doubt_is_worth_something_where_it_falls_on_what_goes_wrong():
    stated = RNG.random(CASES)
    loss = (stated - (RNG.random(CASES) < stated)) ** 2
    doubt, nothing = -np.abs(stated - 0.5), RNG.random(CASES)
    assert selective_gain(loss, doubt, SESSIONS).mean() > 0.03
    assert abs(selective_gain(loss, nothing, SESSIONS).mean()) < 0.01
    assert passed_gain(loss, doubt, nothing, SESSIONS).mean() > 0.03
    assert passed_gain(loss, doubt, doubt, SESSIONS).tolist() == [0] * (CASES // 50)
    one = passed_gain(loss[:50], doubt[:50], nothing[:50], SESSIONS[:50], share=0.2)
    rival, own = (np.argsort(order[:50])[:10] for order in (nothing, doubt))
    assert one.item() == pytest.approx(loss[rival].mean() - loss[own].mean())


def test_a_gate_that_decides_nothing_is_refused_with_one_that_would():
    doubt = np.linspace(0, 0.2, 1001)
    assert check_gate(doubt, 0.1) == pytest.approx(0.5, abs=0.01)
    for limit in (0.3, 0.0001):
        with pytest.raises(ValueError, match=r"Half of them would pass at 0.1"):
            check_gate(doubt, limit)


def test_the_curve_is_the_mean_of_those_of_the_sessions_and_ends_at_the_mean_loss():
    loss, doubt = np.array([0.0, 1.0, 0.2, 0.6]), np.array([1.0, 2.0, 9.0, 5.0])
    found = risk_by_share(loss, doubt, np.array([0, 0, 1, 1]), points=2)
    assert found == pytest.approx([(0.0 + 0.6) / 2, (0.5 + 0.4) / 2])


def test_two_gates_are_compared_by_what_they_let_pass_where_both_let_something_pass():
    loss = np.array([0.1, 0.5, 0.3, 0.9, 0.2, 0.4])
    doubt, rival = np.array([1.0, 3, 1, 3, 3, 3]), np.array([3.0, 1, 1, 1, 1, 1])
    gain = gated_gain(loss, doubt, rival, np.array([0, 0, 1, 1, 2, 2]), (2.0, 2.0))
    assert gain == pytest.approx([0.5 - 0.1, 0.6 - 0.3])
