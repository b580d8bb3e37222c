"""Session ranks: a column as the order of its values within each session, and how well two such orders agree."""
# S securities, T sessions

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

FEWEST_NAMES = 5
TOO_ALIKE = 1e-9
"""Variance of scaled ranks below which a session's names are not told apart."""
LARGEST = np.finfo(np.float64).max


@dataclass(frozen=True)
class Ranks:
    """Ranks within each session less their mean, over their number, [T, S]: -1/2 .. 1/2, 0 where `known_TS` is 0."""

    scaled_TS: Floats
    known_TS: Floats


def session_ranks(values_TS: Floats) -> Ranks:
    """Rank of each value within its session, ties at their mean rank; NaN has none."""
    known_TS = ~np.isnan(values_TS)
    # The fast sort knows no NaN: those come last, behind the infinite values.
    filled_TS = np.where(known_TS, np.clip(values_TS, -LARGEST, LARGEST), np.inf)
    order_TS = np.argsort(filled_TS, axis=1)
    ranks_TS = np.empty_like(filled_TS)
    np.put_along_axis(ranks_TS, order_TS, _mean_places(np.take_along_axis(filled_TS, order_TS, axis=1)), axis=1)
    count_T1 = np.maximum(known_TS.sum(axis=1, keepdims=True), 1)
    scaled_TS = np.where(known_TS, (ranks_TS - (count_T1 - 1) / 2) / count_T1, 0.0)
    return Ranks(scaled_TS, known_TS.astype(np.float64))


def _mean_places(sorted_TS: Floats) -> Floats:
    """Place of each sorted value in its row, from 0; equal values share the mean of theirs."""
    places_S = np.arange(sorted_TS.shape[1])
    opens_TS = np.ones(sorted_TS.shape, dtype=bool)
    opens_TS[:, 1:] = sorted_TS[:, 1:] != sorted_TS[:, :-1]
    if opens_TS.all():
        return np.broadcast_to(places_S.astype(np.float64), sorted_TS.shape)
    first_TS = np.maximum.accumulate(np.where(opens_TS, places_S, 0), axis=1)
    closes_TS = np.ones(sorted_TS.shape, dtype=bool)
    closes_TS[:, :-1] = opens_TS[:, 1:]
    last = sorted_TS.shape[1] - 1
    last_TS = np.minimum.accumulate(np.where(closes_TS, places_S, last)[:, ::-1], axis=1)[:, ::-1]
    mean_TS: Floats = (first_TS + last_TS) / 2
    return mean_TS


def correlations(x: Ranks, y: Ranks) -> Floats:
    """By session, the correlation of two rankings over the names that both rank, [T].

    NaN where these are fewer than 5, or where one of the two does not tell them apart. Each side keeps the ranks that
    it has among all its own names, so a monotone change of the values changes nothing.
    """
    count_T = _summed(x.known_TS, y.known_TS)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x_T = _summed(x.scaled_TS, y.known_TS) / count_T
        mean_y_T = _summed(x.known_TS, y.scaled_TS) / count_T
        spread_x_T = _summed(x.scaled_TS**2, y.known_TS) / count_T - mean_x_T**2
        spread_y_T = _summed(x.known_TS, y.scaled_TS**2) / count_T - mean_y_T**2
        both_T = _summed(x.scaled_TS, y.scaled_TS) / count_T - mean_x_T * mean_y_T
        tells_T = (count_T >= FEWEST_NAMES) & (spread_x_T > TOO_ALIKE) & (spread_y_T > TOO_ALIKE)
        return np.where(tells_T, both_T / np.sqrt(spread_x_T * spread_y_T), np.nan)


def same_side(x: Ranks, y: Ranks) -> Floats:
    """By session, the share of names on the same side of both middles, of those on a side of both, [T]."""
    sides_TS = np.sign(x.scaled_TS) * np.sign(y.scaled_TS)
    on_a_side_T = np.abs(sides_TS).sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(on_a_side_T >= FEWEST_NAMES, (sides_TS > 0).sum(axis=1) / on_a_side_T, np.nan)


def names(x: Ranks, y: Ranks) -> Floats:
    """By session, how many names both rank, [T]."""
    return _summed(x.known_TS, y.known_TS)


def _summed(x_TS: Floats, y_TS: Floats) -> Floats:
    summed_T: Floats = np.einsum("ts,ts->t", x_TS, y_TS)
    return summed_T
