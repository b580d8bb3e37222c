"""Stylised facts of a daily stock market, each a pure function of one sample, and how two markets compare on them.

A fact is a function of `facts_of_returns`, `facts_of_sessions`, `facts_of_places` or `facts_of_exchange`; its name is
the fact's and its docstring the definition. None is a matter of what can be foretold: that is set by a synthetic
market's own spec. Most facts lie well away from 0, so that a ratio of two markets says something; where one lies near
it by nature the fact is 1 plus that number (the variance ratios: those two fail only for a gross fault).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import facts_of_exchange, facts_of_places, facts_of_returns, facts_of_sessions
from benchmarks.market_sample import Sample

Fact = Callable[[Sample], float]
FACTS: tuple[Fact, ...] = (
    *facts_of_returns.FACTS,
    *facts_of_sessions.FACTS,
    *facts_of_places.FACTS,
    *facts_of_exchange.FACTS,
)
FACTOR = 2.0
"""How far apart two markets may lie on a fact, as a ratio."""


@dataclass(frozen=True)
class Compared:
    """One fact of a real market and of a synthetic one, the mean over its seeds."""

    name: str
    real: float
    synthetic: float
    lowest: float
    highest: float

    @property
    def ratio(self) -> float:
        """Synthetic to real; below 0 where the signs differ, NaN where either is missing or the real one is 0."""
        return self.synthetic / self.real if self.real else float("nan")

    @property
    def inside(self) -> bool:
        """Whether the two agree within a factor of 2; a fact that is missing does not."""
        return 1 / FACTOR <= self.ratio <= FACTOR


def stylised_facts(market: Sample) -> dict[str, float]:
    """Every fact of a market by its name; NaN where the market has too few rows for it."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return {fact.__name__: fact(market) for fact in FACTS}


def compared(real: Mapping[str, float], synthetic: Sequence[Mapping[str, float]]) -> list[Compared]:
    """Each fact side by side; `synthetic` holds the facts of one market or of several draws of one law."""
    return [_compared(name, value, [one[name] for one in synthetic]) for name, value in real.items()]


def definition(name: str) -> str:
    """What a fact is, in one sentence."""
    fact = next(fact for fact in FACTS if fact.__name__ == name)
    return " ".join(str(fact.__doc__).split())


def _compared(name: str, real: float, drawn: Sequence[float]) -> Compared:
    return Compared(name, real, float(np.mean(drawn)), min(drawn), max(drawn))
