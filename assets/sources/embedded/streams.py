"""Market streams: the random numbers of the embedded market, one stream for each named quantity.

A stream of its own for each quantity means that switching one part of a market on or off leaves the others as they
were. Quantities of sessions are drawn session by session, so a market can be restarted: all that was drawn up to a
session stays and what follows is drawn anew, which is how the truth is checked by simulation.
"""
# T sessions

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Singles = NDArray[np.float32]
Bools = NDArray[np.bool_]
Whole = NDArray[np.int64]
Places = NDArray[np.intp]


@dataclass(frozen=True)
class Streams:
    """Random streams of a seed; from session `restarted_at` on those of another seed, where one is given."""

    seed: int
    restarted_at: int | None = None
    restart_seed: int = 0

    def fixed(self, name: str) -> np.random.Generator:
        """The stream of a quantity that no session changes; a restart leaves it alone."""
        return _generator(name, self.seed)

    def normals(self, name: str, *shape: int) -> Singles:
        """Standard normal numbers, [T, ...]."""
        return self._rows(name, shape, lambda rng, size: rng.standard_normal(size, dtype=np.float32))

    def uniforms(self, name: str, *shape: int) -> Singles:
        """Numbers from 0 to below 1, [T, ...]."""
        return self._rows(name, shape, lambda rng, size: rng.random(size, dtype=np.float32))

    def told(self, name: str, known_at: Places) -> Floats:
        """A standard normal number for each fact, by the place of the first session whose decision knows it."""
        kept = _generator(name, self.seed).standard_normal(known_at.shape)
        if self.restarted_at is None:
            return kept
        fresh = _generator(name, self.seed, self.restart_seed + 1).standard_normal(known_at.shape)
        return np.where(known_at < self.restarted_at, kept, fresh)

    def _rows(
        self, name: str, shape: tuple[int, ...], draw: Callable[[np.random.Generator, tuple[int, ...]], Singles]
    ) -> Singles:
        if self.restarted_at is None or self.restarted_at >= shape[0]:
            return draw(_generator(name, self.seed), shape)
        kept = draw(_generator(name, self.seed), (self.restarted_at, *shape[1:]))
        fresh = _generator(name, self.seed, self.restart_seed + 1)
        return np.concatenate([kept, draw(fresh, (shape[0] - self.restarted_at, *shape[1:]))])


def _generator(name: str, *seeds: int) -> np.random.Generator:
    return np.random.default_rng([*seeds, zlib.crc32(name.encode())])


def autoregression(shocks: Singles, persistence: float) -> Singles:
    """First-order autoregression of unit variance along the sessions, [T, ...]; it starts in its long-run law."""
    path = shocks.copy()
    share = np.float32(np.sqrt(1.0 - persistence**2))
    for t in range(1, len(path)):
        path[t] *= share
        path[t] += np.float32(persistence) * path[t - 1]
    return path
