"""Neutralised: what the forecasts still tell once size, industry, beta, volatility and reversal are taken out.

In each session the forecast's places are fitted by least squares on the places of the styles, and within each industry
on a mean of its own; what the fit leaves is ranked again. A forecast that only says 'buy what is small' is left with
nothing. The returns stay as they are.
"""
# T sessions, S securities

from __future__ import annotations

import numpy as np

from assets.evaluation.cases import Cases
from assets.evaluation.line import Line
from assets.evaluation.ordering import Floats, Groups, one_group, ordered, rank_correlation, shares, tells
from assets.evaluation.slices import LEAST_NAMES

INDUSTRY = "industry"
EVERYTHING = "everything"
BEFORE = "nothing"
FLAT = 1e-9
"""Share of its own squares below which what is left of a column is rounding, and it explains nothing more."""
DECIMALS = 12


def neutralised(cases: Cases) -> list[Line]:
    """RankIC after taking out nothing, each style alone, the industry alone, and all of them.

    Beside them: how the forecast goes along with each style, and the RankIC that the style has by itself.
    A style that is not known of a name counts as its middle; names without an industry make one of their own.
    """
    counts_TS = cases.counted
    group_TS = one_group(counts_TS)
    y = ordered(cases.realised)
    x_TS = shares(ordered(cases.forecast_TS).ranks(group_TS))
    ranked = {name: ordered(style_TS) for name, style_TS in cases.styles.items()}
    places = {name: np.nan_to_num(shares(style.ranks(group_TS))) for name, style in ranked.items()}
    industry_TS = cases.slicings[INDUSTRY].group_TS if INDUSTRY in cases.slicings else np.full(x_TS.shape, np.int16(-1))
    told = bool((industry_TS[counts_TS] >= 0).any())
    found = {BEFORE: x_TS, **{name: residuals(x_TS, [style_TS], None) for name, style_TS in places.items()}}
    if told:
        found[INDUSTRY] = residuals(x_TS, [], industry_TS)
    found[EVERYTHING] = residuals(x_TS, list(places.values()), industry_TS if told else None)
    lines = []
    names_T, tells_T = counts_TS.sum(axis=1), tells(x_TS)
    for name, left_TS in found.items():
        # Equal forecasts stay equal: rounding must not order them.
        left = ordered(left_TS.round(DECIMALS))
        daily_T = np.where(tells_T, rank_correlation(left, y, counts_TS, LEAST_NAMES), np.nan)
        lines.append(Line.of("taken out", name, "rank_ic", daily_T, cases.horizon, "correlation", names_T))
    x = ordered(x_TS)
    for name, style in ranked.items():
        daily = {"rank_ic": rank_correlation(style, y, counts_TS, LEAST_NAMES)}
        daily["correlation"] = rank_correlation(x, style, counts_TS, LEAST_NAMES)
        for metric, daily_T in daily.items():
            lines.append(Line.of("style", name, metric, daily_T, cases.horizon, "correlation", names_T))
    return lines


def residuals(x_TS: Floats, columns: list[Floats], group_TS: Groups | None) -> Floats:
    """What least squares in each session leave of x, [T, S]; NaN where x is NaN.

    columns   regressors, without NaN; one that the others give already has no part
    group_TS  group of each cell with a mean of its own, -1 is one more group; None: one mean for the session
    source    Frisch, Waugh 1933: first the means, then one column after the other, each made square to those before
    """
    known_TS = ~np.isnan(x_TS)
    groups_TS = np.where(known_TS, 0 if group_TS is None else group_TS + 1, -1).astype(np.int16)
    left_TS = _about_means(np.nan_to_num(x_TS), groups_TS)
    square: list[tuple[Floats, Floats]] = []
    for column_TS in columns:
        own_TS = _about_means(column_TS, groups_TS)
        whole_T = _along(own_TS, own_TS)
        for before_TS, squares_T in square:
            own_TS = own_TS - _slope(own_TS, before_TS, squares_T)[:, None] * before_TS
        squares_T = _along(own_TS, own_TS)
        squares_T = np.where(squares_T > FLAT * whole_T, squares_T, np.inf)
        left_TS = left_TS - _slope(left_TS, own_TS, squares_T)[:, None] * own_TS
        square.append((own_TS, squares_T))
    return np.where(known_TS, left_TS, np.nan)


def _about_means(values_TS: Floats, group_TS: Groups) -> Floats:
    """Values less the mean of their session and group, 0 outside."""
    rows, columns = np.nonzero(group_TS >= 0)
    groups = int(group_TS.max(initial=0)) + 1
    code_N = rows * groups + group_TS[rows, columns]
    values_N = values_TS[rows, columns]
    mean_C = np.bincount(code_N, weights=values_N) / np.maximum(np.bincount(code_N), 1)
    about_TS = np.zeros_like(values_TS)
    about_TS[rows, columns] = values_N - mean_C[code_N]
    return about_TS


def _along(a_TS: Floats, b_TS: Floats) -> Floats:
    """Product of two matrices, session by session, [T]."""
    found_T: Floats = (a_TS * b_TS).sum(axis=1)
    return found_T


def _slope(of_TS: Floats, on_TS: Floats, squares_T: Floats) -> Floats:
    return _along(of_TS, on_TS) / squares_T
