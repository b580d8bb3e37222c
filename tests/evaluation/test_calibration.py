from dataclasses import replace

import numpy as np
import pytest

from assets.evaluation.calibration import base_rates, calibration
from assets.evaluation.stated_cases import StatedCases


def made(probability, rose, noise=None, error=None, fold=None, names=20):
    count = len(rose)
    blank = np.full(count, np.nan)
    return StatedCases(
        folds=("a", "b"),
        fold_N=np.zeros(count, dtype=np.intp) if fold is None else np.asarray(fold),
        session_N=np.arange(count) // names,
        return_N=np.where(rose, 0.1, -0.1),
        error_N=blank if error is None else error,
        probability_N=blank if probability is None else np.asarray(probability, dtype=float),
        doubt_N=blank,
        noise_N=blank if noise is None else noise,
    )


def drawn(seed, tilt=0.0, count=4000):
    """Probabilities from .3 to .7 that are true but for a tilt of what is stated."""
    rng = np.random.default_rng(seed)
    true = rng.uniform(0.3, 0.7, count)
    return made(true + tilt, rng.random(count) < true)


def found(lines, kind="probability"):
    return {(line.part, line.metric): line for line in lines if line.kind == kind}


def test_a_true_probability_is_calibrated_and_below_the_base_rate():
    lines = found(calibration(drawn(0), drawn(1), 1))
    assert lines["all", "calibration_error"].value < 0.04
    assert lines["all", "brier_below_base_rate"].lower > 0
    parts = [lines["all", name].value for name in ("reliability", "resolution", "uncertainty")]
    assert parts[0] - parts[1] + parts[2] == pytest.approx(lines["all", "brier"].value, abs=2e-3)


def test_what_is_stated_too_high_costs_reliability_and_not_resolution():
    plain, tilted = (found(calibration(drawn(0), drawn(1, tilt), 1)) for tilt in (0.0, 0.2))
    assert tilted["all", "reliability"].value == pytest.approx(plain["all", "reliability"].value + 0.04, abs=0.01)
    assert tilted["all", "resolution"].value == pytest.approx(plain["all", "resolution"].value)
    assert tilted["all", "brier_below_base_rate"].value < 0


def test_the_base_rate_is_that_of_the_validation_of_the_same_fold():
    valid = made([0.5] * 8, np.array([1, 1, 1, 0, 0, 0, 0, 1], dtype=bool), fold=[0] * 4 + [1] * 4)
    test = made([0.5] * 4, np.array([1, 0, 1, 0], dtype=bool), fold=[1, 1, 0, 0])
    assert base_rates(valid, test).tolist() == [0.25, 0.25, 0.75, 0.75]
    later = replace(test, return_N=-test.return_N)
    assert base_rates(valid, later).tolist() == base_rates(valid, test).tolist()


def test_the_bins_hold_all_cases_and_what_happened_lies_in_its_range():
    lines = found(calibration(drawn(0), drawn(1), 1), "reliability")
    happened = [line for (_, metric), line in lines.items() if metric == "happened"]
    assert len(happened) == 10
    assert sum(line.names for line in happened) == 4000
    assert all(line.lower <= line.value <= line.upper for line in happened)


def test_noise_is_told_beside_the_error_that_came():
    rng = np.random.default_rng(0)
    noise = rng.uniform(0.01, 0.05, 4000)
    cases = made(None, rng.random(4000) < 0.5, noise=noise, error=noise * rng.standard_normal(4000))
    lines = calibration(cases, cases, 1)
    assert {line.kind for line in lines} == {"noise"}
    told = found(lines, "noise")
    for tenth in (1, 10):
        assert told[f"tenth {tenth}", "error"].value == pytest.approx(told[f"tenth {tenth}", "stated"].value, rel=0.15)
    assert told["tenth 10", "stated"].value > 3 * told["tenth 1", "stated"].value
