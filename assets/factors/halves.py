"""Halves: how a window is put together from two windows of half its length, down to single sessions.

What a window of 60 sessions holds is what its later 30 and its earlier 30 hold, and so on. Only values inside the
window are touched, always in the same order, so a result is the same to the bit wherever the data begin and whatever
other windows are asked for. Nothing is ever subtracted again, so nothing cancels, and the five windows of a factor
share most of their parts: 11 steps a session instead of 120.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.factors.ask import Ask

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Halves:
    """Windows in order of length, from 1, with the place of each one's later and earlier half among them.

    lengths, later, earlier  one entry for each window; the later half is the longer one
    statistics, levels       for each ask its statistic and the place of its window
    """

    lengths: Places
    later: Places
    earlier: Places
    statistics: Places
    levels: Places


def halves_for(asks: Sequence[Ask]) -> Halves:
    """The windows of the asks and all the halves that they are made of."""
    return _halves_for(tuple(asks))


@functools.lru_cache(maxsize=256)
def _halves_for(asks: tuple[Ask, ...]) -> Halves:
    lengths = sorted({1}.union(*(_parts(ask.window) for ask in asks)))
    place = {length: number for number, length in enumerate(lengths)}
    return Halves(
        lengths=_places(lengths),
        later=_places([place[(length + 1) // 2] for length in lengths]),
        earlier=_places([place[max(length // 2, 1)] for length in lengths]),
        statistics=_places([ask.statistic for ask in asks]),
        levels=_places([place[ask.window] for ask in asks]),
    )


def _parts(window: int) -> set[int]:
    if window == 1:
        return {1}
    return {window} | _parts(window // 2) | _parts((window + 1) // 2)


def _places(numbers: Sequence[int]) -> Places:
    return np.array(numbers, dtype=np.int64)
