"""Expert: an LSTM that reads one security, the same for all or each with a departure of its own."""
# B batch, L sessions, F features, E figures of a name, H width of the state, N known names

from __future__ import annotations

import torch
from torch import Tensor, nn

from models.lstm import spread_time_scales


class Expert(nn.Module):
    """States after each session.

    With `own` every name adds its departure, which decays in training, to weights that all share: all experts run as
    one batched computation, and a name that is unknown has the departure learnt for such.
    """

    def __init__(self, features: int, width: int, names: int, embedding: int, look_back: int, *, own: bool) -> None:
        super().__init__()
        self.embedding = nn.Embedding(names + 1, embedding) if embedding else None
        read = features + embedding
        self.recurrence = nn.LSTM(read, width, batch_first=True)
        spread_time_scales(self.recurrence, look_back)
        self.departure = Departure(read, width, names) if own else None

    def forward(self, x_BLF: Tensor, names_B: Tensor) -> Tensor:
        """States [B, L, H]."""
        if self.embedding is not None:
            of_name_BLE = self.embedding(names_B)[:, None].expand(-1, x_BLF.shape[1], -1)
            x_BLF = torch.cat([x_BLF, of_name_BLE], -1)
        if self.departure is not None:
            departed_BLH: Tensor = self.departure(x_BLF, names_B, self.recurrence)
            return departed_BLH
        states_BLH: Tensor = self.recurrence(x_BLF)[0]
        return states_BLH


class Departure(nn.Module):
    """What each name adds to the weights of a shared LSTM."""

    def __init__(self, features: int, width: int, names: int) -> None:
        super().__init__()
        self.of_input = nn.Parameter(torch.zeros(names + 1, 4 * width, features))
        self.of_state = nn.Parameter(torch.zeros(names + 1, 4 * width, width))
        self.of_bias = nn.Parameter(torch.zeros(names + 1, 4 * width))

    def forward(self, x_BLF: Tensor, names_B: Tensor, shared: nn.LSTM) -> Tensor:
        """States [B, L, H] under the weights of each name; a loop over the sessions, never over the names."""
        input_BGF = shared.get_parameter("weight_ih_l0") + self.of_input[names_B]
        state_BHG = (shared.get_parameter("weight_hh_l0") + self.of_state[names_B]).transpose(1, 2)
        bias_G = shared.get_parameter("bias_ih_l0") + shared.get_parameter("bias_hh_l0")
        bias_BG = bias_G + self.of_bias[names_B]
        asked_BLG = torch.einsum("blf,bgf->blg", x_BLF, input_BGF) + bias_BG[:, None]
        state_BH = cell_BH = asked_BLG.new_zeros(len(x_BLF), shared.hidden_size)
        states = []
        for asked_BG in asked_BLG.unbind(1):
            gates_BG = asked_BG + torch.bmm(state_BH[:, None], state_BHG)[:, 0]
            enter_BH, keep_BH, new_BH, show_BH = gates_BG.chunk(4, -1)
            cell_BH = torch.sigmoid(keep_BH) * cell_BH + torch.sigmoid(enter_BH) * torch.tanh(new_BH)
            state_BH = torch.sigmoid(show_BH) * torch.tanh(cell_BH)
            states.append(state_BH)
        return torch.stack(states, 1)
