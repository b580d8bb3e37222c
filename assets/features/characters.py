"""Characters: texts as one array of code points, each written in one way.

Full-width letters, digits and signs become the common ones, capitals of A to Z small ones, every digit 0, a raised
comma an apostrophe, and all that is blank a space. The rule is written out here, so that it does not move with a
library's tables of Unicode.
"""
# N texts, P characters of all of them

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numba import njit
from numpy.typing import NDArray

Points = NDArray[np.uint32]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Characters:
    """Texts one after another: text n is `points_P[starts_N[n]:starts_N[n + 1]]`, so `starts_N` has N + 1 places."""

    points_P: Points
    starts_N: Places

    def __len__(self) -> int:
        """Number of texts."""
        return len(self.starts_N) - 1


def characters(texts: pl.Series) -> Characters:
    """The texts in their order; null is an empty one."""
    filled = texts.fill_null("")
    joined = "".join(filled.to_list())
    points_P = np.frombuffer(joined.encode("utf-32-le"), dtype="<u4").astype(np.uint32)
    _write_in_one_way(points_P)
    lengths_N = filled.str.len_chars().to_numpy().astype(np.int64)
    return Characters(points_P, np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths_N)]))


@njit(cache=True)
def _write_in_one_way(points_P: Points) -> None:
    for place in range(len(points_P)):
        point = points_P[place]
        if 0xFF01 <= point <= 0xFF5E:
            point -= 0xFEE0
        if 0x41 <= point <= 0x5A:
            point += 0x20
        elif 0x30 <= point <= 0x39:
            point = 0x30
        elif point <= 0x20 or point == 0xA0 or point == 0x3000:
            point = 0x20
        elif point == 0x2019:
            point = 0x27
        points_P[place] = point
