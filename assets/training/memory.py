"""Memory: how much a fit will need, known before it starts, so that too much is refused and no crash tells it later."""
# B batch, L sessions of a sequence

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.losses import Loss
from models.network import UNKNOWN, Sequences

COPIES = 6
"""Of the weights: they, their gradients, two moments of the optimiser, their running mean, the best so far."""
TRIED = (8, 16, 32)
"""Names of the batches that are tried; what a larger one keeps follows from theirs by a parabola."""
FLOAT, FLAG, NUMBER = 4, 1, 8
"""Bytes of a feature or an aim, of whether a name is there, of its number; train and valid have aims."""
GIB = 1 << 30


@dataclass(frozen=True)
class Memory:
    """Bytes that a fit needs at once: the panel, the copies of the weights, what a step keeps for its gradients."""

    panel: int
    weights: int
    step: int

    @property
    def whole(self) -> int:
        """All of it."""
        return self.panel + self.weights + self.step

    def __str__(self) -> str:
        parts = (self.whole, self.panel, self.weights, self.step)
        return "{:.2f} GiB: panel {:.2f}, weights {:.2f}, a step {:.2f}".format(*(part / GIB for part in parts))


def estimate(network: nn.Module, loss: Loss, panel: tuple[int, int, int], names: int, sessions: int) -> Memory:
    """What a fit needs.

    panel     names, sessions and features of the whole panel, which lies on the device
    names     in a batch
    sessions  of a sequence
    """
    rows, length, features = panel
    weights = COPIES * sum(part.numel() * part.element_size() for part in network.parameters())
    # A copy on the processor: what is tried leaves neither the device nor the random numbers touched.
    tried, places = copy.deepcopy(network).cpu().train(), sorted({min(count, rows) for count in TRIED})
    with torch.random.fork_rng():
        kept = [_kept(tried, loss, _drawn(count, min(sessions, length), features)) for count in places]
    step = max(int(_parabola(places, kept)(min(names, rows))), 0)
    return Memory(rows * (length * (features * FLOAT + FLAG + 2 * FLOAT) + NUMBER), weights, step)


def refuse_too_much(needed: Memory, place: torch.device) -> None:
    """ValueError where the device has less memory than that."""
    there = available(place)
    if needed.whole > there:
        raise ValueError(
            f"the fit needs about {needed}, and {place.type} has {there / GIB:.2f} GiB; lower training.batch_size or "
            "training.span, narrow the network, or shorten walk_forward.train"
        )


def available(place: torch.device) -> int:
    """Bytes that are free on a graphics processor, or that the machine has in all."""
    if place.type == "cuda":
        return int(torch.cuda.mem_get_info(place)[0])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _drawn(names: int, sessions: int, features: int) -> Sequences:
    there_BL = torch.ones(names, sessions, dtype=torch.bool)
    return Sequences(torch.randn(names, sessions, features), torch.full((names,), UNKNOWN), there_BL)


def _kept(network: nn.Module, loss: Loss, read: Sequences) -> int:
    """Bytes that the forward pass of a batch keeps for the gradients; a tensor that two operations keep counts once."""
    kept: dict[int, int] = {}
    own = {weights.untyped_storage().data_ptr() for weights in network.parameters()}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    aim_BL = torch.zeros(read.there_BL.shape)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        error = loss(network(read), aim_BL, aim_BL.isfinite())
    del error
    return sum(kept.values())


def _parabola(counts: list[int], kept: list[int]) -> Callable[[int], float]:
    fitted = np.polynomial.Polynomial.fit(counts, kept, deg=min(2, len(counts) - 1))
    curve = fitted.convert().coef
    # What grows slower than the names, as rounding makes it look, is taken to grow with them.
    straight = len(curve) < 3 or curve[2] < 0
    line = np.polynomial.Polynomial.fit(counts, kept, deg=min(1, len(counts) - 1)) if straight else fitted
    return lambda names: float(line(names))
