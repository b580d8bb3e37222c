"""Compute: factors over wide bars, a slab of securities at a time.

A slab is small enough for its arrays to stay in the cache. Securities do not touch each other, so neither the size of
the slabs nor the number of threads changes a bit.
"""
# S securities, s of them in a slab, T sessions, F factors

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from numpy.typing import NDArray

from assets.factors.bar_inputs import COLUMNS
from assets.factors.factor import Factor
from assets.factors.plan import evaluate, plan_for

Wide = NDArray[np.float64]
INPUTS = (*COLUMNS, "is_listed")
CELLS_OF_A_SLAB = 48_000


def compute(factors: Sequence[Factor], wide: Mapping[str, Wide], threads: int = 1) -> dict[str, Wide]:
    """Every factor by name, [S, T] float64, NaN where it is not known; all lie in one block of memory.

    wide    INPUTS [S, T], as `bar_inputs` gives them
    raises  ValueError when an input is missing or of another shape
    """
    _check(wide)
    steps = plan_for(tuple(factors))
    block_FST = np.empty((len(factors), *wide["close"].shape))
    found = {factor.name: values_ST for factor, values_ST in zip(factors, block_FST, strict=True)}

    def work(rows: slice, slab: Mapping[str, Wide]) -> None:
        rooms = {name: values_ST[rows] for name, values_ST in found.items()}
        for name, values_sT in evaluate(steps, slab, rooms):
            if values_sT is not rooms[name]:
                rooms[name][:] = values_sT

    in_slabs(wide, work, threads)
    return found


def in_slabs(wide: Mapping[str, Wide], work: Callable[[slice, Mapping[str, Wide]], None], threads: int = 1) -> None:
    """Call `work` for every slab of securities, with its rows and its inputs [s, T], in no order."""
    _check(wide)
    securities, sessions = wide["close"].shape
    height = max(1, CELLS_OF_A_SLAB // max(sessions, 1))

    def one(start: int) -> None:
        rows = slice(start, min(start + height, securities))
        slab = {name: np.ascontiguousarray(wide[name][rows], dtype=np.float64) for name in INPUTS}
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            work(rows, slab)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, range(0, securities, height)))


def _check(wide: Mapping[str, Wide]) -> None:
    if missing := [name for name in INPUTS if name not in wide]:
        raise ValueError(f"the inputs {missing} are missing; `bar_inputs` gives all of {list(INPUTS)}")
    shapes = {name: wide[name].shape for name in INPUTS}
    if len(set(shapes.values())) > 1:
        raise ValueError(f"the inputs have different shapes {shapes}; lay them on one grid, as `bar_inputs` does")
