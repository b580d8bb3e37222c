"""Gating: whether acting only where the doubt is small does better than acting on as many names drawn at random.

The limit of each fold is chosen on its validation, so that a stated share of the cases passes there, and is then held
on the test. A gate that passes nearly all or nearly nothing on validation is refused: it decides nothing.
"""
# N cases, T sessions

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from assets.evaluation.confidence import check_gate, risk_by_share, selective_gain
from assets.evaluation.intervals import interval
from assets.evaluation.line import Line
from assets.evaluation.probability import aurc
from assets.evaluation.stated_cases import Floats, Places, StatedCases

COVERAGE, GATE = "coverage", "gate"
POINTS = 20
PASSED = 0.5
"""Share of the validation cases that a gate lets pass."""


def gating(valid: StatedCases, test: StatedCases, horizon: int) -> list[Line]:
    """Risk by coverage, its area, and the gate, for every doubt that is stated.

    The loss is the Brier score of a stated probability, else the absolute error of the forecast.
    """
    told = not np.isnan(test.probability_N).all()
    loss_N, unit = (test.brier, "squared probability") if told else (np.abs(test.error_N), "simple return")
    lines: list[Line] = []
    for name, (of_valid_N, of_test_N) in _doubts(valid, test).items():
        lines += _coverage(name, loss_N, of_test_N, test.session_N, unit, horizon)
        lines += _gate(name, loss_N, of_valid_N, of_test_N, valid, test, unit, horizon)
    return lines


def limits(doubt_N: Floats, fold_N: Places, folds: int, share: float = PASSED) -> Floats:
    """By fold the doubt below which the given share of the validation cases lies.

    raises  ValueError as `confidence.check_gate`, and for a fold without validation cases
    """
    found = []
    for fold in range(folds):
        own_N = np.sort(doubt_N[fold_N == fold])
        if not len(own_N):
            raise ValueError(f"fold {fold + 1} of {folds} has no validation case; a gate needs some to set its limit")
        found.append(float(own_N[min(int(share * len(own_N)), len(own_N) - 1)]))
        check_gate(own_N, found[-1])
    return np.array(found)


def passed_against_random(loss_N: Floats, passes_N: Places, session_N: Places) -> Floats:
    """By session: mean loss of a gate that passes as many names at random, less that of what passed, [T].

    At random means the mean loss of the session, in expectation. NaN where nothing or everything passes.
    """
    _, place_N = np.unique(session_N, return_inverse=True)
    count_T, lost_T = np.bincount(place_N), np.bincount(place_N, weights=loss_N)
    passed_T, of_passed_T = np.bincount(place_N, weights=passes_N), np.bincount(place_N, weights=loss_N * passes_N)
    decides_T = (passed_T > 0) & (passed_T < count_T)
    found_T: Floats = np.where(decides_T, lost_T / count_T - of_passed_T / np.maximum(passed_T, 1), np.nan)
    return found_T


def _doubts(valid: StatedCases, test: StatedCases) -> dict[str, tuple[Floats, Floats]]:
    """Doubt in validation and in test, by what it is."""
    every = {
        "doubt of the probability": (valid.doubt_N, test.doubt_N),
        "nearness to one half": (valid.nearness, test.nearness),
        "noise of the return": (valid.noise_N, test.noise_N),
    }
    return {name: both for name, both in every.items() if not any(np.isnan(one).any() for one in both)}


def _coverage(name: str, loss_N: Floats, doubt_N: Floats, session_N: Places, unit: str, horizon: int) -> Iterator[Line]:
    sessions = len(np.unique(session_N))
    names = len(loss_N) / max(sessions, 1)
    for place, risk in enumerate(risk_by_share(loss_N, doubt_N, session_N, POINTS), start=1):
        yield Line.plain(COVERAGE, f"{100 * place // POINTS}% kept, least {name}", "risk", risk, unit, sessions, names)
    gain = interval(selective_gain(loss_N, doubt_N, session_N), horizon)
    areas = {
        "aurc": _mean_area(loss_N, doubt_N, session_N),
        "aurc_at_random": _mean_area(loss_N, None, session_N),
        "aurc_at_best": _mean_area(loss_N, loss_N, session_N),
    }
    for metric, value in areas.items():
        yield Line.plain(GATE, name, metric, value, unit, sessions, names)
    yield Line(GATE, name, "aurc_below_random", gain.mean, gain.lower, gain.upper, unit, gain.n, names)


def _mean_area(loss_N: Floats, doubt_N: Floats | None, session_N: Places) -> float:
    """Mean over sessions of the area under risk by coverage; without a doubt that of a random order."""
    order = np.argsort(session_N, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(session_N[order])) + 1)
    areas = [float(loss_N[at].mean()) if doubt_N is None else aurc(loss_N[at], doubt_N[at]) for at in parts]
    return float(np.mean(areas))


def _gate(
    name: str,
    loss_N: Floats,
    of_valid_N: Floats,
    of_test_N: Floats,
    valid: StatedCases,
    test: StatedCases,
    unit: str,
    horizon: int,
) -> Iterator[Line]:
    try:
        limit_F = limits(of_valid_N, valid.fold_N, len(valid.folds))
    except ValueError:
        # The report says so; one experiment's useless gate is no reason to stop its verdict.
        yield Line.plain(GATE, name, "refused_on_validation", 1.0, "gates", 0, 0.0)
        return
    passes_N = (of_test_N < limit_F[test.fold_N]).astype(np.intp)
    gain_T = passed_against_random(loss_N, passes_N, test.session_N)
    found = interval(gain_T, horizon)
    names = len(loss_N) / max(len(gain_T), 1)
    yield Line.plain(GATE, name, "passed_on_test", float(passes_N.mean()), "share", len(gain_T), names)
    yield Line(GATE, name, "loss_below_random", found.mean, found.lower, found.upper, unit, found.n, names)
