"""Names: what a network learns of single securities, so that one it never met is no stranger."""
# B batch, L sessions, F features, N known names

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.network import UNKNOWN


def perhaps_unknown(names_B: Tensor, share: float, *, training: bool) -> Tensor:
    """In training some names, drawn anew for every batch, are taken for unknown: so what stands for these is learnt."""
    if not training or not share:
        return names_B
    is_hidden_B = torch.rand(len(names_B), device=names_B.device) < share
    return names_B.masked_fill(is_hidden_B, UNKNOWN)


STEEPNESS = 10.0
"""Of the weights in what is learnt for them: one step must move them further than it moves what reads the inputs."""


class ImportanceWeights(nn.Module):
    """A weight of each feature, for all names and for each of them, with which inputs are multiplied.

    Of one name the weights are positive and have the mean 1, so that they can be read beside each other: what counts
    more than 1 is heard, at the cost of the rest. All names share one set; how far one departs from it decays. What
    reads the inputs decays too, so that a large input weight costs less than a large reading of a small one: the
    stronger `training.weight_decay`, the nearer to 0 is what does not help.
    """

    def __init__(self, names: int, features: int) -> None:
        super().__init__()
        self.shared = nn.Parameter(torch.zeros(features))
        self.own = nn.Parameter(torch.zeros(names + 1, features))

    def forward(self, x_BLF: Tensor, names_B: Tensor) -> Tensor:
        """The inputs, weighted."""
        return x_BLF * self.weights()[names_B][:, None]

    def weights(self) -> Tensor:
        """Weights [N + 1, F]; the first row is that of unknown names."""
        return torch.softmax(STEEPNESS * (self.shared + self.own), -1) * len(self.shared)
