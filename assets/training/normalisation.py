"""Normalisation: what a feature says beside those of the other names of its session, by one of five rules."""
# S securities, T sessions, F features, M members of a session

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.as_of import holding_join
from assets.wide import Grid
from expectations.decisions import decided_at

Normalisation = Literal["none", "market_neutral", "industry_neutral", "rank", "z_score"]
DEFAULT = "default"
FEWEST_PEERS = 5
"""Members of an industry with a known value that it takes for a median of their own."""
MAD_OF_A_NORMAL = 0.6745
WIDEST = 5.0
"""Robust standard deviations from the median beyond which `z_score` takes a value for that bound."""
NO_INDUSTRY = -1
SESSIONS_AT_ONCE = 32

Values = NDArray[np.float32]
Mask = NDArray[np.bool_]
Codes = NDArray[np.int32]
Medians = tuple[NDArray[Any], NDArray[np.intp]]
Rule = Callable[[Values, Mask, Codes], Values]


def normalise(
    x_STF: Values, member_ST: Mask, columns: Sequence[int], how: Normalisation, industry_ST: Codes | None = None
) -> None:
    """Put the columns of a panel, in place, into the terms of their session; a session looks at no other.

    Only members with a known value make the comparison; the others are placed among them. NaN stays NaN.

    market_neutral    less the median of the members; nothing is taken where no member has a value
    industry_neutral  less the median of the members of the same industry; where fewer than 5 of them have a value, or
                      the industry is not known, less that of all members
    rank              share of the members below, ties by half, less 1/2: from -1/2 to 1/2
    z_score           clipped 5 robust standard deviations (median and MAD) from the median, less the mean, over the
                      standard deviation, both of the clipped members; nothing is clipped where the MAD is 0 (mostly one
                      value), and all are 0 where the members do not differ
    industry_ST       code of the industry of each cell, -1 where not known; asked for by industry_neutral only
    raises            ValueError for industry_neutral without a member whose industry is known
    """
    if how == "none":
        return
    if industry_ST is None:
        industry_ST = np.full(member_ST.shape, NO_INDUSTRY, dtype=np.int32)
    if how == "industry_neutral" and not (industry_ST[member_ST] != NO_INDUSTRY).any():
        raise ValueError(
            f"normalisation: industry_neutral finds no industry for any of {int(member_ST.sum())} member cells; "
            "cleaning/industries must hold what was known at the decisions. Use market_neutral, or a source that "
            "delivers raw/industries."
        )
    rule, places = RULES[how], np.array(columns, dtype=np.intp)
    for start in range(0, x_STF.shape[1], SESSIONS_AT_ONCE):
        part = slice(start, start + SESSIONS_AT_ONCE)
        x_NFS = np.ascontiguousarray(x_STF[:, part, places].transpose(1, 2, 0))
        x_STF[:, part, places] = rule(x_NFS, member_ST[:, part].T, industry_ST[:, part].T).transpose(2, 0, 1)


def by_group(declared: Normalisation | Mapping[str, Normalisation], groups: Sequence[str]) -> dict[str, Normalisation]:
    """The rule of each group: one word for all, or words by group with `default` (else market_neutral) for the rest.

    raises  ValueError for a name that is no group
    """
    if isinstance(declared, str):
        return dict.fromkeys(groups, declared)
    if unknown := sorted(set(declared) - {*groups, DEFAULT}):
        raise ValueError(f"normalisation names {unknown}; allowed: '{DEFAULT}' and the feature groups {sorted(groups)}")
    rest = declared.get(DEFAULT, "market_neutral")
    return {group: declared.get(group, rest) for group in groups}


def industry_codes(cells: pl.DataFrame, industries: pl.LazyFrame, grid: Grid, hour: int) -> Codes:
    """Industry of each cell as known at its decision, [S, T]: a number for each name in alphabetical order, or -1.

    cells  session and security_id, on the grid
    hour   hour of the decision, exchange time
    """
    asked = cells.lazy().select("session", "security_id", decided_at=decided_at(pl.col("session"), hour))
    held = holding_join(asked, industries, by=("security_id", "industry"), on=("security_id",)).collect()
    names = held["industry"].unique().sort()
    rows, sessions = grid.places(held)
    codes = held["industry"].replace_strict(names, range(len(names)), return_dtype=pl.Int32)
    codes_ST = np.full(grid.shape, NO_INDUSTRY, dtype=np.int32)
    codes_ST[rows, sessions] = codes.to_numpy()
    return codes_ST


def _less_market(x_NFS: Values, member_NS: Mask, _: Codes) -> Values:
    medians_NF = _medians(np.where(member_NS[:, None], x_NFS, np.float32(np.nan)))[0]
    less_NFS: Values = x_NFS - np.nan_to_num(medians_NF)[..., None]
    return less_NFS


def _session_by_session(rule: Rule) -> Rule:
    """A rule for several sessions from a rule for one, [F, S]."""

    def every(x_NFS: Values, member_NS: Mask, industry_NS: Codes) -> Values:
        return np.stack([rule(*one) for one in zip(x_NFS, member_NS, industry_NS, strict=True)])

    return every


def _less_industry(x_FS: Values, member_S: Mask, industry_S: Codes) -> Values:
    market_F = np.nan_to_num(_medians(x_FS[:, member_S])[0])
    less_FS: Values = x_FS - market_F[:, None]
    for code in np.unique(industry_S[industry_S != NO_INDUSTRY]):
        inside_S = np.flatnonzero(industry_S == code)
        medians_F, known_F = _medians(x_FS[:, inside_S[member_S[inside_S]]])
        own_F = np.where(known_F >= FEWEST_PEERS, medians_F, market_F)
        less_FS[:, inside_S] = x_FS[:, inside_S] - own_F[:, None]
    return less_FS


def _rank(x_FS: Values, member_S: Mask, _: Codes) -> Values:
    unknown_FS = np.isnan(x_FS)
    # The fast sort knows no NaN.
    filled_FS = np.where(unknown_FS, np.float32(np.inf), x_FS)
    ranks_FS = np.full_like(x_FS, np.nan)
    _shares(np.sort(filled_FS, axis=1), np.argsort(filled_FS, axis=1), member_S & ~unknown_FS, ranks_FS)
    ranks_FS[unknown_FS] = np.nan
    return ranks_FS


@numba.njit(cache=True)
def _shares(sorted_FS: Values, order_FS: NDArray[np.intp], counts_FS: Mask, ranks_FS: Values) -> None:
    """Share of the cells that count below each cell, ties by half, less 1/2; rows in which none counts stay."""
    for row in range(len(sorted_FS)):
        members = counts_FS[row].sum()
        start, below = 0, 0
        while members and start < len(sorted_FS[row]):
            stop, equal = start, 0
            while stop < len(sorted_FS[row]) and sorted_FS[row, stop] == sorted_FS[row, start]:
                equal += counts_FS[row, order_FS[row, stop]]
                stop += 1
            for place in range(start, stop):
                ranks_FS[row, order_FS[row, place]] = (below + 0.5 * equal) / members - 0.5
            start, below = stop, below + equal


def _z_score(x_FS: Values, member_S: Mask, _: Codes) -> Values:
    # Sums over sorted values: the order of the securities has no part in them.
    members_FM = np.sort(x_FS[:, member_S], axis=1).astype(np.float64)
    median_F, known_F = _middle(members_FM)
    deviations_FM = np.sort(np.abs(members_FM - median_F[:, None]), axis=1)
    reach_F = WIDEST * _middle(deviations_FM)[0] / MAD_OF_A_NORMAL
    reach_F[reach_F == 0] = np.inf
    low_F, high_F = (median_F - reach_F)[:, None], (median_F + reach_F)[:, None]
    clipped_FM = np.clip(members_FM, low_F, high_F)
    absent_FM = np.isnan(clipped_FM)
    count_F = np.where(known_F > 0, known_F, np.nan)
    mean_F = np.where(absent_FM, 0, clipped_FM).sum(axis=1) / count_F
    spread_FM = np.where(absent_FM, 0, clipped_FM - mean_F[:, None])
    deviation_F = np.sqrt((spread_FM**2).sum(axis=1) / count_F)
    scores_FS = np.clip(x_FS, low_F, high_F) - mean_F[:, None]
    scores: Values = (scores_FS / np.where(deviation_F == 0, np.inf, deviation_F)[:, None]).astype(np.float32)
    return scores


RULES: Mapping[str, Rule] = {
    "market_neutral": _less_market,
    "industry_neutral": _session_by_session(_less_industry),
    "rank": _session_by_session(_rank),
    "z_score": _session_by_session(_z_score),
}


def _medians(x_FM: Values) -> Medians:
    """Median of the known values along the last axis, NaN where there is none, and how many they are."""
    return _middle(np.sort(x_FM, axis=-1))


def _middle(sorted_FM: NDArray[Any]) -> Medians:
    """Median along a sorted last axis with NaN at its end, and the number of values before these."""
    known_F = np.count_nonzero(~np.isnan(sorted_FM), axis=-1)
    if not sorted_FM.shape[-1]:
        return np.full(sorted_FM.shape[:-1], np.nan, dtype=sorted_FM.dtype), known_F
    flat_RM, known_R = sorted_FM.reshape(-1, sorted_FM.shape[-1]), known_F.ravel()
    rows, upper_R = np.arange(len(flat_RM)), np.minimum(known_R // 2, flat_RM.shape[1] - 1)
    middle_R = (flat_RM[rows, np.maximum(known_R - 1, 0) // 2] + flat_RM[rows, upper_R]) / 2
    return middle_R.reshape(known_F.shape), known_F
