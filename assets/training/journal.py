"""Journal: what is told of a fit, epoch by epoch and at its end."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from models.served import Forecaster


@dataclass(frozen=True)
class EpochRecord:
    """State after an epoch (a tree, for trees): training loss, mean daily RankIC on validation, seconds since start.

    gradient_norm  mean over the steps, before it is clipped; None for what is not fitted by steps down a gradient
    valid_loss     what is minimised, on validation; None likewise
    """

    epoch: int
    train_loss: float
    valid_rank_ic: float
    seconds: float
    gradient_norm: float | None = None
    valid_loss: float | None = None

    def metrics(self) -> dict[str, float]:
        """The figures by name, for a curve."""
        told = {"train_loss": self.train_loss, "valid_rank_ic": self.valid_rank_ic, "seconds": self.seconds}
        more = {"gradient_norm": self.gradient_norm, "valid_loss": self.valid_loss}
        return told | {name: value for name, value in more.items() if value is not None}


@dataclass(frozen=True)
class Fitted:
    """The forecaster of the best epoch, how it got there, and on how many threads.

    train_rank_ic  mean daily RankIC on some sessions of train; what it has above that on validation was learnt by heart
    """

    forecaster: Forecaster
    history: tuple[EpochRecord, ...]
    threads: int
    train_rank_ic: float
    stop_by: str = "rank_ic"

    @property
    def best(self) -> EpochRecord:
        """The epoch whose weights the forecaster has."""
        told = [(record.valid_loss, record.epoch, record) for record in self.history if record.valid_loss is not None]
        if self.stop_by == "loss" and told:
            return min(told)[2]
        return max(self.history, key=lambda record: record.valid_rank_ic)

    def metrics(self) -> dict[str, float]:
        """What is told of the whole fit: the RankIC on train and on validation, and the gap between them."""
        train, valid = self.train_rank_ic, self.best.valid_rank_ic
        return {"train_rank_ic": train, "best_valid_rank_ic": valid, "train_valid_gap": train - valid}


@dataclass
class Journal:
    """Records of the epochs so far; each is told to `on_epoch`."""

    on_epoch: Callable[[EpochRecord], None]
    records: list[EpochRecord] = field(default_factory=list)
    began: float = field(default_factory=time.perf_counter)

    def __call__(
        self,
        epoch: int,
        train_loss: float,
        valid_rank_ic: float,
        gradient_norm: float | None = None,
        valid_loss: float | None = None,
    ) -> None:
        """Take note of an epoch."""
        seconds = time.perf_counter() - self.began
        record = EpochRecord(epoch, train_loss, valid_rank_ic, seconds, gradient_norm, valid_loss)
        self.records.append(record)
        self.on_epoch(record)

    def state(self) -> dict[str, object]:
        """The records so far, as plain values."""
        return {"records": [asdict(record) for record in self.records]}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on after the records of another process; its seconds count, those between the two do not."""
        self.records[:] = [EpochRecord(**record) for record in state["records"]]
        self.began -= self.records[-1].seconds if self.records else 0.0
