"""Character grams: short runs of characters of a text, hashed; no language is asked for.

A run is known by a 64-bit hash of our own (multiply and mix, the constants of Murmur3's finaliser), the same on every
machine and in every version. Signed hashing after Weinberger, Dasgupta, Langford, Smola and Attenberg 2009 (ICML):
the low bits choose the bucket and the highest bit the sign, so that runs that share a bucket cancel on average.
"""
# N texts, P characters of all of them, K buckets, I items

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from assets.features.characters import Characters, Places, Points

LONGEST = 3
NOVELTY_GRAM = 3
TABLE = 1 << 20
"""Places of the table of runs already seen. A run stands at two of them and counts as seen where both say so; by other
runs alone both do with a probability of about 4 in a million after a security's thousandth run."""
SECOND = np.uint64(20)
"""Bits of a run's hash that its second place leaves out."""


def hashed_counts(texts: Characters, buckets: int) -> NDArray[np.int32]:
    """Signed counts of all runs of 1 to 3 characters of each text by bucket, [N, K].

    buckets  a power of two
    raises   ValueError for another number
    """
    if buckets < 1 or buckets & (buckets - 1):
        raise ValueError(f"buckets was {buckets}; hashing takes the low bits, so give a power of two")
    counts_NK = np.zeros((len(texts), buckets), dtype=np.int32)
    _count(texts.points_P, texts.starts_N, counts_NK)
    return counts_NK


def novelty(texts: Characters, security_I: Places, place_I: Places, sessions: int) -> NDArray[np.float64]:
    """Share of the runs of 3 characters of each item that no earlier item of its security had, [I].

    texts       one for each item
    security_I  items of one security stand together
    place_I     session of each item, counted along the calendar and ascending within a security
    sessions    how far back earlier items count; those of the same session that stand before it do too
    returns     1 where there was no earlier item, and for an empty text
    """
    novelty_I = np.ones(len(texts))
    if len(texts):
        _look_back(texts.points_P, texts.starts_N, security_I, place_I, sessions, novelty_I)
    return novelty_I


@njit(cache=True, inline="always")
def _mixed(key: np.uint64) -> np.uint64:
    """The finaliser of Murmur3: every bit of the key moves about half of those of the result."""
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xFF51AFD7ED558CCD)
    key ^= key >> np.uint64(33)
    key *= np.uint64(0xC4CEB9FE1A85EC53)
    return key ^ (key >> np.uint64(33))


@njit(cache=True, inline="always")
def _extended(key: np.uint64, point: np.uint32) -> np.uint64:
    """The key of a run with one more character."""
    return (key ^ np.uint64(point)) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(0x632BE59BD9B4E019)


@njit(cache=True)
def _count(points_P: Points, starts_N: Places, counts_NK: NDArray[np.int32]) -> None:
    low_bits = np.uint64(counts_NK.shape[1] - 1)
    for text in range(len(starts_N) - 1):
        end = starts_N[text + 1]
        for first in range(starts_N[text], end):
            key = np.uint64(0)
            for place in range(first, min(first + LONGEST, end)):
                key = _extended(key, points_P[place])
                hashed = _mixed(key)
                counts_NK[text, hashed & low_bits] += -1 if hashed >> np.uint64(63) else 1


@njit(cache=True)
def _run(points_P: Points, first: int, end: int) -> np.uint64:
    """Hash of the run of 3 characters that begins at `first`, or of what is left before `end`."""
    key = np.uint64(0)
    for place in range(first, min(first + NOVELTY_GRAM, end)):
        key = _extended(key, points_P[place])
    return _mixed(key)


@njit(cache=True, inline="always")
def _places(hashed: np.uint64) -> tuple[np.uint64, np.uint64]:
    """The two places of a run in the table."""
    return hashed & np.uint64(TABLE - 1), (hashed >> SECOND) & np.uint64(TABLE - 1)


@njit(cache=True)
def _look_back(
    points_P: Points,
    starts_I: Places,
    security_I: Places,
    place_I: Places,
    sessions: int,
    novelty_I: NDArray[np.float64],
) -> None:
    # Cells of the table say when a run was last seen; a cell of another security lies before every session of this one.
    width = place_I.max() + 1
    seen = np.full(TABLE, -1, dtype=np.int64)
    for item in range(len(starts_I) - 1):
        start, end = starts_I[item], starts_I[item + 1]
        last_first = max(start + 1, end - NOVELTY_GRAM + 1) if end > start else start
        since = security_I[item] * width + max(place_I[item] - sessions, 0)
        fresh = 0
        for first in range(start, last_first):
            one, two = _places(_run(points_P, first, end))
            fresh += min(seen[one], seen[two]) < since
        for first in range(start, last_first):
            one, two = _places(_run(points_P, first, end))
            seen[one] = seen[two] = security_I[item] * width + place_I[item]
        if last_first > start:
            novelty_I[item] = fresh / (last_first - start)
