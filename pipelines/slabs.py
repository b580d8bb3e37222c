"""Slabs: a long range of months made in pieces, so that a wide table never lies in memory whole.

A piece is made as a run over its months alone would make it: from the months that its reach names. Its rows are the
same to the bit, since no table changes when it is given more than its look-back.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

CELLS = 300_000_000
"""Most cells of a result at once: 2.4 GB in float64, of which a table function holds about twice."""


def slabs(months: Sequence[str], rows: int, columns: int, cells: int = CELLS) -> list[list[str]]:
    """Pieces of neighbouring months, in order and of nearly equal length, each of one month at least.

    months   keys of the months to make, in order
    rows     rows of the largest input in all of them together
    columns  columns of the result, whose rows are taken to be as many as the input's
    """
    pieces = min(len(months), max(1, -(-rows * columns // cells)))
    edges = [len(months) * piece // pieces for piece in range(pieces + 1)]
    return [list(months[first:end]) for first, end in itertools.pairwise(edges)]
