"""Validation: what a network that is being fitted says of the validation window, and how far that is from the truth."""
# S securities, T sessions, B cells, P outputs

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from models.losses import Loss
from models.network import Sequences
from models.ranking import RankIc
from models.windows import Cells

SCORED_AT_ONCE = 512


@dataclass(frozen=True)
class Score:
    """Mean daily RankIC of the forecasts, and the loss, on the labelled cells."""

    rank_ic: float
    loss: float


@dataclass(frozen=True)
class Validation:
    """The window, ready to be scored after every epoch.

    whole     all names over all sessions, on the device
    cells     the labelled cells of the window
    aim_ST    what these should be stated as, NaN elsewhere
    burn_in   sessions read before the first one
    is_joint  whether names hear each other, so that they are read together
    """

    whole: Sequences
    cells: Cells
    aim_ST: Tensor
    loss: Loss
    burn_in: int
    is_joint: bool

    def __call__(self, module: nn.Module) -> Score:
        """The score of a network."""
        first, end = int(self.cells.sessions_B[0]), int(self.cells.sessions_B[-1]) + 1
        start = max(first - self.burn_in, 0)
        # Names of later windows alone stay out: how many are summed decides how a sum is rounded.
        names_S = self.whole.there_BL[:, start:end].any(1).nonzero().flatten()
        y_STP = dense_outputs(module, self.whole, names_S, slice(start, end), self.is_joint)
        rows_B = np.searchsorted(names_S.cpu().numpy(), self.cells.securities_B)
        rows, sessions = (torch.from_numpy(places) for places in (rows_B, self.cells.sessions_B))
        forecast_B = self.loss.outlook(y_STP).forecast[rows, sessions - start].cpu().numpy()
        aim_ST = self.aim_ST[names_S, first:end]
        loss = float(self.loss(y_STP[:, first - start :], aim_ST, aim_ST.isfinite()))
        return Score(RankIc(self.cells.target_B, self.cells.sessions_B)(forecast_B), loss)


@torch.inference_mode()
def dense_outputs(module: nn.Module, whole: Sequences, names_S: Tensor, span: slice, is_joint: bool) -> Tensor:
    """Outputs [S, sessions of the span, P] of some names from one pass over a span, the state carried through it."""
    module.eval()
    parts = torch.split(names_S, len(names_S) if is_joint else SCORED_AT_ONCE)
    read = [Sequences(whole.x_BLF[part, span], whole.names_B[part], whole.there_BL[part, span]) for part in parts]
    y_STP: Tensor = torch.cat([module(part) for part in read]).float()
    return y_STP
