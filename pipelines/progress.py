"""Progress: how far a fit is, told to the log at once and to the tracking store every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from assets.training.journal import EpochRecord
from models.gradient_boosting import GradientBoostingSpec
from models.network import NetworkSpec
from pipelines.experiment import Experiment
from pipelines.tracking import Tracking

EVERY = 5.0
"""Seconds between two words to the tracking store."""


@dataclass
class Progress:
    """Told of every epoch of one fit.

    say       takes a line for the log
    most      epochs, or trees, after which the fit ends in any case
    """

    tracking: Tracking
    run_id: str
    seed: int
    most: int
    say: Callable[[str], None]
    _waiting: dict[int, EpochRecord] = field(default_factory=dict)
    _said_at: float = field(default_factory=time.monotonic)

    def __call__(self, record: EpochRecord) -> None:
        """Say how far the fit is, and how long it may still take."""
        self._waiting[record.epoch] = record
        left = record.seconds / record.epoch * (self.most - record.epoch)
        self.say(f"seed {self.seed} {record}; {left:.1f} s more at most")
        if time.monotonic() - self._said_at >= EVERY:
            self.flush()

    def flush(self) -> None:
        """Send what was not yet sent to the tracking store."""
        self.tracking.log_curve(self.run_id, {epoch: record.metrics() for epoch, record in self._waiting.items()})
        self._waiting.clear()
        self._said_at = time.monotonic()


def longest(experiment: Experiment) -> int:
    """Epochs, or trees, after which a fit ends in any case."""
    model = experiment.model
    if isinstance(model, GradientBoostingSpec):
        return model.max_trees
    return experiment.training.max_epochs if isinstance(model, NetworkSpec) else 1
