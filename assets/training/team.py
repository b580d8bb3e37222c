"""Team: the processes that fit one network together, each with its own graphics processor and its share of a step.

Every process holds all of the panel and the same weights. It takes its share of the batches of a step, and the
gradients are averaged (torch's DistributedDataParallel), so that a team goes the path that one process would go.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TypeVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

Item = TypeVar("Item")


@dataclass(frozen=True)
class Team:
    """A place among the processes that fit together."""

    rank: int = 0
    size: int = 1

    @staticmethod
    def here() -> Team:
        """The team that this process was started in; alone where it was started in none."""
        return Team(dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else Team()

    def share(self, items: Sequence[Item]) -> list[Item]:
        """Those of the items that fall to this process."""
        return list(items[self.rank :: self.size])

    def joined(self, network: nn.Module) -> nn.Module:
        """The network as the team trains it."""
        return network if self.size == 1 else DistributedDataParallel(network)

    def summed(self, value: Tensor) -> Tensor:
        """The sum of a number over the team."""
        if self.size > 1:
            dist.all_reduce(value)
        return value

    def told_by_first(self, value: Tensor) -> Tensor:
        """What the first of the team has: by a number of their own, some might stop where others wait for them."""
        if self.size > 1:
            dist.broadcast(value, src=0)
        return value

    @staticmethod
    def waiting(network: nn.Module) -> AbstractContextManager[None]:
        """While more of this process's share is to come, gradients are kept to itself."""
        if isinstance(network, DistributedDataParallel):
            return network.no_sync()
        return contextlib.nullcontext()


def seeded(*numbers: int) -> None:
    """Random numbers that depend on these numbers alone: the same in every process, and in one that goes on."""
    generator = torch.Generator().manual_seed(numbers[0])
    for number in numbers[1:]:
        mixed = int(torch.randint(2**62, (), generator=generator))
        generator.manual_seed(mixed ^ number)
    torch.manual_seed(int(torch.randint(2**62, (), generator=generator)))
