"""LSTM: a recurrent network that reads the sessions of one security and forecasts after each of them."""
# B batch, L look-back, F features, P outputs

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from models.losses import OF_NETWORKS
from models.network import Network, Sequences, Shape, load_network


class LstmSpec(BaseModel):
    """Width, depth and look-back of the LSTM."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_deterministic: ClassVar[bool] = False
    losses: ClassVar[tuple[str, ...]] = OF_NETWORKS
    is_joint: ClassVar[bool] = False

    kind: Literal["lstm"] = "lstm"
    look_back: int = Field(default=40, ge=1, le=250, description="sessions in a window")
    hidden: int = Field(default=32, ge=1, description="width of the state")
    layers: int = Field(default=1, ge=1)
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of the state hidden from what reads it")
    precision: Literal["bf16", "fp32"] = Field(default="bf16", description="matrix products in training; fp32 after")

    def network(self, shape: Shape) -> Lstm:
        """An LSTM with random weights, which reads every column as a sequence."""
        return Lstm(self, len(shape.layout.columns), shape.outputs)

    def load(self, folder: Path) -> Network:
        """The fitted LSTM of a folder."""
        return load_network(self, folder)


class Lstm(nn.Module):
    """LSTM layers and a linear head; the forecast after a session uses that session and those before.

    It starts remembering: its cells forget over time scales spread from one session to the look-back (Tallec and
    Ollivier 2018, "Can recurrent neural networks warp time?"), since what moves prices fades over days, not steps.
    """

    def __init__(self, spec: LstmSpec, features: int, outputs: int) -> None:
        super().__init__()
        between = spec.dropout if spec.layers > 1 else 0.0
        self.recurrence = nn.LSTM(features, spec.hidden, spec.layers, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(spec.dropout)
        self.head = nn.Linear(spec.hidden, outputs)
        spread_time_scales(self.recurrence, spec.look_back)

    def forward(self, read: Sequences) -> Tensor:
        """Outputs y_BLP, after each session."""
        states_BLH, _ = self.recurrence(read.x_BLF)
        y_BLP: Tensor = self.head(self.dropout(states_BLH))
        return y_BLP


@torch.no_grad()
def spread_time_scales(recurrence: nn.LSTM, look_back: int) -> None:
    """Biases under which a cell keeps its content for u sessions, u uniform from 1 to the look-back."""
    for layer in range(recurrence.num_layers):
        bias, second_bias = getattr(recurrence, f"bias_ih_l{layer}"), getattr(recurrence, f"bias_hh_l{layer}")
        enter, forget, _, _ = bias.zero_().chunk(4)
        second_bias.zero_()
        sessions = 1 + torch.rand(recurrence.hidden_size) * max(look_back - 2, 0)
        forget.copy_(sessions.log())
        enter.copy_(-sessions.log())
