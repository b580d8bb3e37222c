import numpy as np
import pytest

from assets.evaluation.gating import gating, limits, passed_against_random
from assets.evaluation.stated_cases import StatedCases


def made(seed, informed=True, sessions=60, names=40):
    """Doubt that falls on what is off the truth, or on nothing."""
    rng = np.random.default_rng(seed)
    count = sessions * names
    doubt = rng.uniform(0, 0.5, count)
    off = doubt if informed else rng.permutation(doubt)
    true = rng.random(count)
    stated = np.clip(true + off * rng.choice([-1, 1], count), 0, 1)
    rose = rng.random(count) < true
    return StatedCases(
        folds=("a",),
        fold_N=np.zeros(count, dtype=np.intp),
        session_N=np.repeat(np.arange(sessions), names),
        return_N=np.where(rose, 0.1, -0.1),
        error_N=np.full(count, np.nan),
        probability_N=stated,
        doubt_N=doubt,
        noise_N=np.full(count, np.nan),
    )


def found(lines, part="doubt of the probability"):
    return {line.metric: line for line in lines if line.part == part}


def test_doubt_that_falls_on_what_goes_wrong_beats_a_random_gate():
    lines = found(gating(made(0), made(1), 1))
    assert lines["loss_below_random"].lower > 0
    assert lines["aurc_below_random"].lower > 0
    assert lines["aurc_at_best"].value < lines["aurc"].value < lines["aurc_at_random"].value
    assert lines["passed_on_test"].value == pytest.approx(0.5, abs=0.05)


def test_doubt_that_knows_nothing_is_not_told_apart_from_a_random_gate():
    lines = found(gating(made(0, informed=False), made(1, informed=False), 1))
    for metric in ("loss_below_random", "aurc_below_random"):
        assert lines[metric].lower < 0 < lines[metric].upper


def test_a_gate_that_decides_nothing_on_validation_is_refused():
    valid, test = made(0), made(1)
    lines = found(gating(StatedCases(**{**vars(valid), "doubt_N": np.full(len(valid.doubt_N), 0.2)}), test, 1))
    assert "loss_below_random" not in lines
    assert lines["refused_on_validation"].value == 1
    with pytest.raises(ValueError, match="allowed are 1% to 99%"):
        limits(np.full(100, 0.2), np.zeros(100, dtype=np.intp), 1)
    with pytest.raises(ValueError, match="allowed are 1% to 99%"):
        limits(np.arange(1000.0), np.zeros(1000, dtype=np.intp), 1, share=0.995)


def test_each_fold_has_the_limit_of_its_own_validation():
    doubt, fold = np.concatenate([np.arange(100.0), 1000 + np.arange(100.0)]), np.repeat([0, 1], 100)
    assert limits(doubt, fold, 2).tolist() == [50, 1050]
    with pytest.raises(ValueError, match="fold 3 of 3 has no validation case"):
        limits(doubt, fold, 3)


def test_the_random_gate_passes_as_many_names_of_each_session():
    loss, passes = np.array([1.0, 0, 1, 0, 5, 7]), np.array([0, 1, 0, 1, 1, 0])
    session = np.array([0, 0, 0, 0, 1, 1])
    assert passed_against_random(loss, passes, session).tolist() == [0.5, 1.0]
    assert np.isnan(passed_against_random(loss, np.array([1, 1, 1, 1, 0, 0]), session)).all()


def test_all_kept_has_the_risk_of_all():
    test = made(1)
    lines = [line for line in gating(made(0), test, 1) if line.kind == "coverage" and line.part.startswith("100%")]
    assert {round(line.value, 12) for line in lines} == {round(float(test.brier.mean()), 12)}


def test_noise_alone_is_gated_by_the_error_of_the_forecast():
    rng = np.random.default_rng(0)
    both = []
    for seed in (0, 1):
        blank = vars(made(seed))
        noise = rng.uniform(0.01, 0.05, len(blank["doubt_N"]))
        nothing = np.full(len(noise), np.nan)
        told = {"probability_N": nothing, "doubt_N": nothing, "noise_N": noise}
        both.append(StatedCases(**{**blank, **told, "error_N": noise * rng.standard_normal(len(noise))}))
    lines = found(gating(*both, 1), "noise of the return")
    assert lines["loss_below_random"].lower > 0
    assert lines["loss_below_random"].unit == "simple return"
