"""Finance: signed words of financial news in Chinese and English, with the words that turn a sign about.

The words stand in `finance.csv`: positive, negative, negation, or none for one that only looks like another (a
non-public offering is no negation). Of the words that fit at a place the longest counts. A word written with spaces
between words must begin and end with them; a Chinese one may stand anywhere.
"""
# N texts, P characters of all of them, W words, Q characters of all words

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

from assets.features.characters import Characters, Places, Points, characters

WORDS = Path(__file__).with_suffix(".csv")
POSITIVE, NEGATIVE, NEGATION, NONE = 1, -1, 2, 0
SIGNS = {"positive": POSITIVE, "negative": NEGATIVE, "negation": NEGATION, "none": NONE}
REACH = 9
"""How far behind a negation the word may stand that it turns about, in characters of Chinese."""
SPACED_WORD = 3
"""What a word of a language with spaces counts for within that reach."""
PLANE = 1 << 16
"""Characters that a word may begin with: the basic plane of Unicode."""


@dataclass(frozen=True)
class Lexicon:
    """Words by first character, the longer first; word w is `points_Q[starts_W[w]:starts_W[w + 1]]`.

    first  of each character of the basic plane the first word that begins with it; -1 where none does
    """

    points_Q: Points
    starts_W: Places
    first: Places
    sign_W: NDArray[np.int8]


def sign_counts(texts: Characters) -> NDArray[np.int64]:
    """Positive and negative words of each text, [N, 2]; those close behind a negation in its clause count turned about.

    source  word lists as of Loughran, McDonald 2011 (Journal of Finance 66) in kind; the words are our own
    """
    words = lexicon()
    counts_N2 = np.zeros((len(texts), 2), dtype=np.int64)
    _count(texts.points_P, texts.starts_N, words.points_Q, words.starts_W, words.first, words.sign_W, counts_N2)
    return counts_N2


def tone(counts_N2: NDArray[np.int64]) -> NDArray[np.float64]:
    """Positive less negative words over both, [N], -1 to 1; NaN where there are none."""
    both_N = counts_N2.sum(axis=1)
    return (counts_N2[:, 0] - counts_N2[:, 1]) / np.where(both_N > 0, both_N, np.nan)


@cache
def lexicon() -> Lexicon:
    """The words of the file.

    raises  ValueError for a word that is there twice or empty, or a sign that is none of the four
    """
    frame = pl.read_csv(WORDS).with_columns(pl.col("word").fill_null(""))
    if strange := sorted(set(frame["sign"]) - set(SIGNS)):
        raise ValueError(f"{WORDS.name} has signs {strange}; allowed: {sorted(SIGNS)}")
    if twice := frame.filter(pl.col("word").is_duplicated() | (pl.col("word") == ""))["word"].unique().to_list():
        raise ValueError(f"{WORDS.name} has {sorted(twice)} twice or empty; a word has one sign")
    ordered = frame.sort(pl.col("word").str.slice(0, 1), -pl.col("word").str.len_chars().cast(pl.Int64), "word")
    written = characters(ordered["word"])
    first = np.full(PLANE, -1, dtype=np.int64)
    opening_W = written.points_P[written.starts_N[:-1]]
    first[opening_W[::-1]] = np.arange(len(opening_W))[::-1]
    sign_W = ordered["sign"].replace_strict(SIGNS, return_dtype=pl.Int8).to_numpy()
    return Lexicon(written.points_P, written.starts_N, first, sign_W)


@njit(cache=True, inline="always")
def _is_spaced(point: np.uint32) -> bool:
    """A letter of a script that parts words by spaces, a digit, or an apostrophe within a word."""
    is_latin = 0x61 <= point <= 0x7A or point == 0x30 or 0xC0 <= point <= 0x24F
    return bool(is_latin or point == 0x27)


@njit(cache=True, inline="always")
def _ends_clause(point: np.uint32) -> bool:
    """One of , . ; : ! ? and of their Chinese forms."""
    is_common = point == 0x2C or point == 0x2E or point == 0x3B or point == 0x3A or point == 0x21 or point == 0x3F
    return bool(is_common or point == 0x3002 or point == 0x2026)


@njit(cache=True)
def _fits(points_P: Points, place: int, end: int, points_Q: Points, start: int, stop: int) -> bool:
    """Whether a word stands at a place and does not end within another one."""
    after = place + stop - start
    if after > end:
        return False
    for step in range(stop - start):
        if points_P[place + step] != points_Q[start + step]:
            return False
    return not (after < end and _is_spaced(points_P[after - 1]) and _is_spaced(points_P[after]))


@njit(cache=True)
def _longest(points_P: Points, place: int, end: int, points_Q: Points, starts_W: Places, first: Places) -> int:
    """The longest word that stands at a place; -1 for none."""
    point = points_P[place]
    word = first[point] if point < PLANE else -1
    while 0 <= word < len(starts_W) - 1 and points_Q[starts_W[word]] == point:
        if _fits(points_P, place, end, points_Q, starts_W[word], starts_W[word + 1]):
            return int(word)
        word += 1
    return -1


@njit(cache=True)
def _after(points_P: Points, place: int, end: int) -> int:
    """Where the next word begins that is not in the lexicon: behind this one, or behind this character."""
    if not _is_spaced(points_P[place]):
        return place + 1
    while place < end and _is_spaced(points_P[place]):
        place += 1
    return place


@njit(cache=True)
def _count(
    points_P: Points,
    starts_N: Places,
    points_Q: Points,
    starts_W: Places,
    first: Places,
    sign_W: NDArray[np.int8],
    counts_N2: NDArray[np.int64],
) -> None:
    for text in range(len(starts_N) - 1):
        place, end, reach = starts_N[text], starts_N[text + 1], 0
        while place < end:
            point = points_P[place]
            word = _longest(points_P, place, end, points_Q, starts_W, first)
            after = place + starts_W[word + 1] - starts_W[word] if word >= 0 else _after(points_P, place, end)
            sign = sign_W[word] if word >= 0 else NONE
            if sign == NEGATION:
                reach = REACH
            elif sign != NONE:
                counts_N2[text, 0 if (sign == POSITIVE) == (reach <= 0) else 1] += 1
            elif _ends_clause(point):
                reach = 0
            elif point != 0x20:
                reach -= SPACED_WORD if _is_spaced(point) else after - place
            place = after
