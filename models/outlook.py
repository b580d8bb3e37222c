"""Outlook: all that a model may state of the return to come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Values = TypeVar("Values")
Others = TypeVar("Others")


@dataclass(frozen=True)
class Outlook(Generic[Values]):
    """What is stated of each cell, as arrays or tensors of one shape; None where a model does not state it.

    forecast         higher is better, comparable within a session
    noise_scale      standard deviation of the return around what is forecast: more data does not make it smaller
    probability      of a rise
    probability_std  standard deviation of that probability: how unsure it is itself
    """

    forecast: Values
    noise_scale: Values | None = None
    probability: Values | None = None
    probability_std: Values | None = None

    def each(self, change: Callable[[Values], Others]) -> Outlook[Others]:
        """Everything that is stated, changed in the same way."""
        noise, probability, unsure = self.noise_scale, self.probability, self.probability_std
        return Outlook(
            change(self.forecast),
            None if noise is None else change(noise),
            None if probability is None else change(probability),
            None if unsure is None else change(unsure),
        )

    def stated(self) -> dict[str, Values]:
        """What is stated, by name."""
        return {name: getattr(self, name) for name in STATED if getattr(self, name) is not None}


STATED = tuple(field.name for field in fields(Outlook))
"""Names of all that may be stated, the forecast first."""


def joined(parts: Sequence[Outlook[NDArray[np.float64]]]) -> Outlook[NDArray[np.float64]]:
    """Outlooks of one model, one after another."""
    names = parts[0].stated()
    return Outlook(**{name: np.concatenate([part.stated()[name] for part in parts]) for name in names})
