"""Confidence: whether stated noise and stated doubt mean what they say, and whether acting on them earns anything."""
# N cases, T sessions

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.probability import aurc, risk_by_coverage

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

MOST_PASSED, FEWEST_PASSED = 0.99, 0.01


def log_likelihood(returns_N: Floats, forecast_N: Floats, scale_N: Floats) -> Floats:
    """Log density of each return under a normal law around its forecast, in nats."""
    found_N: Floats = -0.5 * ((returns_N - forecast_N) / scale_N) ** 2 - np.log(scale_N) - 0.5 * np.log(2 * np.pi)
    return found_N


def fitted_factor(returns_N: Floats, forecast_N: Floats, scale_N: Floats) -> float:
    """The factor by which a scale has the best normal likelihood on these cases: what makes a comparison fair."""
    return float(np.sqrt(np.mean(((returns_N - forecast_N) / scale_N) ** 2)))


def by_session(values_N: Floats, sessions_N: Places) -> Floats:
    """Mean [T] of the cases of each session, in the order of time."""
    _, places = np.unique(sessions_N, return_inverse=True)
    return np.bincount(places, weights=values_N) / np.bincount(places)


def by_decile(stated_N: Floats, error_N: Floats, bins: int = 10) -> pl.DataFrame:
    """How large errors are by how large they were said to be.

    stated_N  a standard deviation: of the return around its forecast, or of a stated probability around the true one
    error_N   what lay between them
    returns   decile, cases, stated and error (both root mean square), ratio of the two
    """
    order = np.argsort(np.argsort(stated_N, kind="stable"), kind="stable")
    frame = pl.DataFrame({"decile": order * bins // len(order) + 1, "stated": stated_N**2, "error": error_N**2})
    found = frame.group_by("decile", maintain_order=True).agg(
        pl.len().alias("cases"), pl.col("stated", "error").mean().sqrt()
    )
    return found.sort("decile").with_columns(ratio=pl.col("error") / pl.col("stated"))


def selective_gain(loss_N: Floats, doubt_N: Floats, sessions_N: Places) -> Floats:
    """By session: what doubt takes off the area of risk by coverage, against doubt drawn at random; above 0 is better.

    Doubt is compared within a session only, as a decision is made on one.
    """
    found = []
    for places in _sessions(sessions_N):
        found.append(float(loss_N[places].mean()) - aurc(loss_N[places], doubt_N[places]))
    return np.array(found)


def risk_by_share(loss_N: Floats, doubt_N: Floats, sessions_N: Places, points: int = 50) -> Floats:
    """Mean loss of the 1/points, 2/points, ... of the names of a session with the least doubt, mean over sessions."""
    shares = np.arange(1, points + 1) / points
    curves = []
    for places in _sessions(sessions_N):
        risk = risk_by_coverage(loss_N[places], doubt_N[places])
        curves.append(risk[np.ceil(shares * len(places)).astype(int) - 1])
    found: Floats = np.mean(curves, axis=0)
    return found


def gated_gain(
    loss_N: Floats, doubt_N: Floats, rival_N: Floats, sessions_N: Places, limits: tuple[float, float]
) -> Floats:
    """By session: how much lower the mean loss below a limit of doubt is than below a limit of a rival.

    limits  of doubt and of the rival; a session in which either lets nothing pass is left out
    """
    found = []
    for places in _sessions(sessions_N):
        ours, theirs = places[doubt_N[places] < limits[0]], places[rival_N[places] < limits[1]]
        if len(ours) and len(theirs):
            found.append(float(loss_N[theirs].mean() - loss_N[ours].mean()))
    return np.array(found)


def passed_gain(loss_N: Floats, doubt_N: Floats, rival_N: Floats, sessions_N: Places, share: float = 0.5) -> Floats:
    """By session: how much lower the mean loss of what `doubt` lets pass is than of what a rival lets pass.

    share  of the names of each session that either lets pass: those with the least doubt
    """
    found = []
    for places in _sessions(sessions_N):
        count = max(1, round(share * len(places)))
        passed = [places[np.argsort(order[places], kind="stable")[:count]] for order in (rival_N, doubt_N)]
        found.append(float(loss_N[passed[0]].mean() - loss_N[passed[1]].mean()))
    return np.array(found)


def check_gate(doubt_N: Floats, limit: float) -> float:
    """Share of the cases of validation whose doubt lies below a limit.

    raises  ValueError for a gate that lets nearly all or nearly nothing pass: it decides nothing
    """
    share = float(np.mean(doubt_N < limit))
    if not FEWEST_PASSED <= share <= MOST_PASSED:
        raise ValueError(
            f"a limit of {limit:g} lets {share:.1%} of the validation cases pass; allowed are {FEWEST_PASSED:.0%} to "
            f"{MOST_PASSED:.0%}. Half of them would pass at {float(np.median(doubt_N)):.3g}"
        )
    return share


def _sessions(sessions_N: Places) -> list[Places]:
    order = np.argsort(sessions_N, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(sessions_N[order])) + 1)
