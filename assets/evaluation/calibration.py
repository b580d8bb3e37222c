"""Calibration: whether stated probabilities and noises of the test window mean what they say, beside a base rate.

The base rate is that of the same fold's validation: what one could have stated without any model.
"""
# N cases, T sessions

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl

from assets.evaluation.confidence import by_decile, by_session
from assets.evaluation.intervals import interval
from assets.evaluation.line import Line
from assets.evaluation.probability import accuracy, brier, calibration_error, decomposition, log_loss, reliability
from assets.evaluation.stated_cases import Floats, StatedCases

PROBABILITY, RELIABILITY, NOISE = "probability", "reliability", "noise"
WHOLE = "all"


def calibration(valid: StatedCases, test: StatedCases, horizon: int) -> list[Line]:
    """Scores of the stated probability with their parts, the reliability diagram, and noise beside the error."""
    lines: list[Line] = []
    if not np.isnan(test.probability_N).all():
        lines += _scores(valid, test, horizon)
        lines += _bins(reliability(test.probability_N, test.rose))
    if not np.isnan(test.noise_N).all():
        lines += _tenths(by_decile(test.noise_N, test.error_N))
    return lines


def base_rates(valid: StatedCases, test: StatedCases) -> Floats:
    """For each test case the share of rises in the validation of its own fold; NaN where that has no case."""
    count_F = np.bincount(valid.fold_N, minlength=len(valid.folds))
    rises_F = np.bincount(valid.fold_N, weights=valid.rose, minlength=len(valid.folds))
    rate_F = np.where(count_F > 0, rises_F / np.maximum(count_F, 1), np.nan)
    by_name = dict(zip(valid.folds, rate_F, strict=True))
    rate_N: Floats = np.array([by_name.get(fold, math.nan) for fold in test.folds])[test.fold_N]
    return rate_N


def _scores(valid: StatedCases, test: StatedCases, horizon: int) -> Iterator[Line]:
    stated_N, rose_N, base_N = test.probability_N, test.rose, base_rates(valid, test)
    parts = decomposition(stated_N, rose_N)
    sessions, names = _extent(test)
    plain = {
        "brier": (brier(stated_N, rose_N), "squared probability"),
        "reliability": (parts.reliability, "squared probability"),
        "resolution": (parts.resolution, "squared probability"),
        "uncertainty": (parts.uncertainty, "squared probability"),
        "brier_of_base_rate": (brier(base_N, rose_N), "squared probability"),
        "calibration_error": (calibration_error(stated_N, rose_N), "share"),
        "calibration_error_of_base_rate": (abs(float(np.mean(base_N - rose_N))), "share"),
        "log_loss": (log_loss(stated_N, rose_N), "nats"),
        "log_loss_of_base_rate": (log_loss(base_N, rose_N), "nats"),
        "accuracy": (accuracy(stated_N, rose_N), "share"),
        "accuracy_of_base_rate": (accuracy(base_N, rose_N), "share"),
    }
    for metric, (value, unit) in plain.items():
        yield Line.plain(PROBABILITY, WHOLE, metric, value, unit, sessions, names)
    gain_T = by_session((base_N - rose_N) ** 2 - test.brier, test.session_N)
    found = interval(gain_T, horizon)
    bounds = found.mean, found.lower, found.upper
    yield Line(PROBABILITY, WHOLE, "brier_below_base_rate", *bounds, "squared probability", found.n, names)


def _bins(bins: pl.DataFrame) -> Iterator[Line]:
    """Cases stand in `names`: a bin is of the whole window."""
    for row in bins.iter_rows(named=True):
        part, cases = f"bin {row['bin'] + 1}", float(row["cases"])
        yield Line.plain(RELIABILITY, part, "stated", row["stated"], "share", 1, cases)
        yield Line(RELIABILITY, part, "happened", row["happened"], row["lower"], row["upper"], "share", 1, cases)


def _tenths(tenths: pl.DataFrame) -> Iterator[Line]:
    for row in tenths.iter_rows(named=True):
        for metric in ("stated", "error"):
            part, cases = f"tenth {row['decile']}", float(row["cases"])
            yield Line.plain(NOISE, part, metric, row[metric], "simple return", 1, cases)


def _extent(cases: StatedCases) -> tuple[int, float]:
    sessions = len(np.unique(cases.session_N))
    return sessions, len(cases.session_N) / max(sessions, 1)
