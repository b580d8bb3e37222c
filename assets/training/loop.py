"""Loop: the steps that fit a network, and all that another process needs to go on from any epoch."""
# S securities, T sessions, F features, B batch: sequences of the same sessions, L sessions of a sequence, P outputs

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from assets.training.spec import TrainingSpec
from assets.training.team import Team, seeded
from assets.training.validation import Score, Validation
from models.losses import Loss
from models.network import Sequences

LARGEST_GRADIENT = 1.0
LOOK = 2**40
"""Stands for validation among the numbers that random numbers depend on; no epoch has it."""

Batch = tuple[Sequences, Tensor]
"""What is read, and the aims of its last sessions, NaN where there is no label."""
State = dict[str, Any]
"""Tensors, numbers and text in dicts and lists."""


class Keeper(Protocol):
    """Keeps one state, whole or not at all."""

    def load(self) -> State | None:
        """The state that was kept last; None where none was."""

    def save(self, state: State) -> None:
        """Keep a state instead of the one before."""


@dataclass(frozen=True)
class Epoch:
    """Means over the steps of an epoch: of the loss, and of the norm of the gradient before it was clipped."""

    loss: float
    gradient_norm: float


class Loop:
    """One network on its way, the running mean of its weights, which is what forecasts, and the best of those means."""

    def __init__(self, network: nn.Module, loss: Loss, training: TrainingSpec, precision: str, seed: int) -> None:
        self.network, self.loss, self.training, self.precision = network, loss, training, precision
        self.team, self.seed = Team.here(), seed
        self.mean = copy.deepcopy(network)
        self._joined = self.team.joined(network)
        self.epoch, self.best_epoch, self.best_score = 0, 0, -np.inf
        self._best_weights = copy.deepcopy(self.mean.state_dict())
        self._optimiser = _optimiser(network, training)
        self._schedule = _schedule(self._optimiser, training)
        self._place = next(network.parameters()).device

    @property
    def is_over(self) -> bool:
        """Whether all epochs are done, or none was better for as many as its patience has."""
        return self.epoch >= self.training.max_epochs or self.epoch - self.best_epoch >= self.training.patience

    def run_epoch(self, batches: Iterable[Batch], augment: Callable[[Batch], Batch]) -> Epoch:
        """One step down the gradient for each few batches; ValueError where the loss is no number any more.

        Random numbers depend on seed, epoch and batch alone, so that neither a stop nor a team changes them.
        """
        self.network.train()
        seeded(self.seed, self.epoch)
        groups = in_groups(batches, self.training.batches_a_step)
        told = [torch.stack(self._step(number, group, augment)) for number, group in enumerate(groups)]
        loss, norm = torch.stack(told).mean(0).tolist()
        self.epoch += 1
        if not np.isfinite(loss):
            raise ValueError(
                f"training loss is {loss} in epoch {self.epoch}: it diverged; lower training.learning_rate"
            )
        self._schedule.step()
        return Epoch(loss, norm)

    def look(self, validation: Validation) -> Score:
        """Score the mean weights, as the first of the team sees them, and keep them where they are the best so far."""
        # The same numbers at every look, so that the best epoch is no lucky draw of them.
        seeded(self.seed, LOOK)
        seen = validation(self.mean)
        pair = torch.tensor([seen.rank_ic, seen.loss], dtype=torch.float64, device=self._place)
        score = Score(*self.team.told_by_first(pair).tolist())
        self.keep(score.rank_ic if self.training.stop_by == "rank_ic" else -score.loss)
        return score

    def keep(self, score: float) -> None:
        """Keep the mean weights where their score on validation is the best so far."""
        if score > self.best_score:
            self.best_score, self.best_epoch = score, self.epoch
            self._best_weights = copy.deepcopy(self.mean.state_dict())

    def best(self) -> nn.Module:
        """The network of the best epoch, ready to forecast."""
        self.mean.load_state_dict(self._best_weights)
        return self.mean.eval()

    def state(self) -> State:
        """All that the next epoch depends on."""
        return {
            "epoch": self.epoch,
            "best_epoch": self.best_epoch,
            "best_score": self.best_score,
            "network": self.network.state_dict(),
            "mean": self.mean.state_dict(),
            "best_weights": self._best_weights,
            "optimiser": self._optimiser.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def restore(self, state: State) -> None:
        """Stand where another loop stood when it told its state."""
        self.epoch, self.best_epoch = state["epoch"], state["best_epoch"]
        self.best_score = state["best_score"]
        self.network.load_state_dict(state["network"])
        self.mean.load_state_dict(state["mean"])
        self._best_weights = state["best_weights"]
        self._optimiser.load_state_dict(state["optimiser"])
        self._schedule.load_state_dict(state["schedule"])

    def _step(self, number: int, group: Sequence[Batch], augment: Callable[[Batch], Batch]) -> tuple[Tensor, Tensor]:
        self._optimiser.zero_grad()
        mine = self.team.share(list(enumerate(group)))
        # Who has no batch left takes one along that counts for nothing: gradients are averaged over all.
        counted = [(place, batch, 1 / len(group)) for place, batch in mine] or [(0, group[0], 0.0)]
        total = torch.zeros((), device=self._place)
        for left, (place, batch, share) in zip(range(len(counted) - 1, -1, -1), counted, strict=True):
            seeded(self.seed, self.epoch, 1 + number, place)
            with self.team.waiting(self._joined) if left else contextlib.nullcontext():
                error = self._error(augment(batch)) * share
                (error * self.team.size).backward()  # type: ignore[no-untyped-call]
            total += error.detach()
        error = self.team.summed(total)
        norm: Tensor = nn.utils.clip_grad_norm_(self.network.parameters(), LARGEST_GRADIENT)
        self._optimiser.step()
        with torch.no_grad():
            for average, current in zip(self.mean.parameters(), self.network.parameters(), strict=True):
                average.lerp_(current, 1 - self.training.weight_averaging)
        return error, norm.detach()

    def _error(self, batch: Batch) -> Tensor:
        read, aim_BL = batch
        with _autocast(self._place, self.precision):
            y_BLP = self._joined(read)[:, -aim_BL.shape[1] :]
        return self.loss(y_BLP.float(), aim_BL, aim_BL.isfinite())


def in_groups(batches: Iterable[Batch], size: int) -> Iterator[list[Batch]]:
    """Batches in the order in which they come, some at a time; the last ones may be fewer."""
    waiting = iter(batches)
    while group := list(itertools.islice(waiting, size)):
        yield group


def batches(whole: Sequences, aim_ST: Tensor, training: TrainingSpec) -> Iterator[Batch]:
    """One epoch: every train session once, in tiles of `span` sessions with a random phase, batches in random order.

    whole   all names over all sessions of the panel, on the device that trains
    yields  sequences of burn-in + span sessions and the aims of the span, NaN where there is no label; they reach
            further back where an augmentation asks for older sessions. The edges of the panel and of the train segment
            shorten a sequence. A batch is of one tile: its names can be compared.
    """
    before = training.burn_in + sum(how.older(training.burn_in + training.span) for how in training.augmentation)
    labelled_T = aim_ST.isfinite().any(0).nonzero().flatten()
    first, last = int(labelled_T[0]), int(labelled_T[-1])
    phase = int(torch.randint(training.span, (1,)))
    batches: list[tuple[int, Tensor]] = []
    for start in range(first - phase, last + 1, training.span):
        tile_ST = aim_ST[:, max(start, 0) : start + training.span]
        rows = tile_ST.isfinite().any(1).nonzero().flatten().cpu()
        shuffled = rows[torch.randperm(len(rows))]
        batches += [(start, part) for part in shuffled.tensor_split(-(-len(rows) // training.batch_size))]
    for place in torch.randperm(len(batches)).tolist():
        start, rows = batches[place]
        stop = min(start + training.span, last + 1)
        rows, seen = rows.to(aim_ST.device), slice(max(start - before, 0), stop)
        read = Sequences(whole.x_BLF[rows, seen], whole.names_B[rows], whole.there_BL[rows, seen])
        yield read, aim_ST[rows, max(start, 0) : stop]


def augmenting(training: TrainingSpec, columns: Sequence[str], groups: Sequence[str]) -> Callable[[Batch], Batch]:
    """What makes another version of a batch, cut to the sessions that the network reads."""
    steps = [how.bound(columns, groups) for how in training.augmentation]

    def other(batch: Batch) -> Batch:
        read, aim_BL = batch
        x_BLF, aim_BL = functools.reduce(lambda made, step: step(*made), steps, (read.x_BLF, aim_BL))
        return read._replace(x_BLF=x_BLF).last(training.burn_in + aim_BL.shape[1]), aim_BL

    return other


def _optimiser(network: nn.Module, training: TrainingSpec) -> torch.optim.Optimizer:
    """AdamW that lets matrices decay but not biases: those hold how long a network remembers."""
    matrices = [weights for weights in network.parameters() if weights.ndim > 1]
    biases = [weights for weights in network.parameters() if weights.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": training.weight_decay}, {"params": biases, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=training.learning_rate)


def _schedule(optimiser: torch.optim.Optimizer, training: TrainingSpec) -> torch.optim.lr_scheduler.LRScheduler:
    if training.schedule == "cosine":
        return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, training.max_epochs)
    return torch.optim.lr_scheduler.ConstantLR(optimiser, factor=1.0)


def _autocast(place: torch.device, precision: str) -> torch.autocast:
    """bf16 matrix products where asked for and where they are fast: not on a processor without AVX-512."""
    fast = place.type == "cuda" or torch.backends.cpu.get_cpu_capability() == "AVX512"
    return torch.autocast(place.type, dtype=torch.bfloat16, enabled=precision == "bf16" and fast)
