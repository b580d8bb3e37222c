"""Cross-attention: an LSTM reads each security, then the names of a session attend to each other (Vaswani et al. 2017).

Every pair of names is compared, in several ways at once: what the one weight of `two_level_lstm` for each pair stands
in for, at a cost that grows with the square of the names.
"""
# B batch: sequences of the same sessions, L sessions, F features, H width of the state, P outputs

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from models.expert import Expert
from models.losses import OF_NETWORKS
from models.names import perhaps_unknown
from models.network import Network, Sequences, Shape, load_network


class CrossAttentionSpec(BaseModel):
    """Width of the state, number of heads, and what is known of single names."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_deterministic: ClassVar[bool] = False
    is_joint: ClassVar[bool] = True
    losses: ClassVar[tuple[str, ...]] = OF_NETWORKS

    kind: Literal["cross_attention"] = "cross_attention"
    look_back: int = Field(default=40, ge=1, le=250, description="sessions in a window")
    hidden: int = Field(default=32, ge=1, description="width of the state")
    heads: int = Field(default=4, ge=1, description="ways in which names are compared; they share the width")
    embedding: int = Field(default=4, ge=0, description="figures that are known of each name; 0 for none")
    id_dropout: float = Field(default=0.1, ge=0, lt=1, description="share of the names taken for unknown in training")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of the states hidden from what reads them")
    precision: Literal["bf16", "fp32"] = Field(default="bf16", description="matrix products in training; fp32 after")

    @model_validator(mode="after")
    def _heads_share_the_width(self) -> Self:
        if self.hidden % self.heads:
            raise ValueError(f"hidden is {self.hidden}, which {self.heads} heads cannot share; make it a multiple")
        return self

    def network(self, shape: Shape) -> CrossAttention:
        """The network with random weights."""
        return CrossAttention(self, shape)

    def load(self, folder: Path) -> Network:
        """The fitted network of a folder."""
        return load_network(self, folder)


class CrossAttention(nn.Module):
    """States of an expert, attention across the names of each session, and a head over both."""

    def __init__(self, spec: CrossAttentionSpec, shape: Shape) -> None:
        super().__init__()
        features, names = len(shape.layout.columns), len(shape.security_ids)
        self.id_dropout, self.heads = spec.id_dropout, spec.heads
        self.expert = Expert(features, spec.hidden, names, spec.embedding, spec.look_back, own=False)
        self.before = nn.LayerNorm(spec.hidden)
        self.ask_and_tell = nn.Linear(spec.hidden, 3 * spec.hidden)
        self.heard = nn.Linear(spec.hidden, spec.hidden)
        self.dropout = nn.Dropout(spec.dropout)
        self.head = nn.Linear(2 * spec.hidden, shape.outputs)

    def forward(self, read: Sequences) -> Tensor:
        """Outputs y_BLP, after each session."""
        known_B = perhaps_unknown(read.names_B, self.id_dropout, training=self.training)
        states_BLH = self.dropout(self.expert(read.x_BLF, known_B))
        heard_BLH = self.dropout(self.heard(self._attended(self.before(states_BLH), read.there_BL)))
        y_BLP: Tensor = self.head(torch.cat([states_BLH, heard_BLH], -1))
        return y_BLP

    def _attended(self, states_BLH: Tensor, there_BL: Tensor) -> Tensor:
        """What each name hears of all members of its session, [B, L, H]; 0 in a session without any."""
        names, sessions, width = states_BLH.shape
        of_heads = (names, sessions, self.heads, width // self.heads)
        asked, told, said = (part.reshape(of_heads).permute(1, 2, 0, 3) for part in self._parts(states_BLH))
        # A name that nobody may hear still hears itself, so that no row of shares is empty.
        itself_BB = torch.eye(len(states_BLH), dtype=torch.bool, device=states_BLH.device)
        may_hear_LBB = there_BL.T[:, None, :] | itself_BB
        heard: Tensor = scaled_dot_product_attention(asked, told, said, attn_mask=may_hear_LBB[:, None])
        return heard.permute(2, 0, 1, 3).flatten(-2)

    def _parts(self, states_BLH: Tensor) -> tuple[Tensor, ...]:
        parts: tuple[Tensor, ...] = self.ask_and_tell(states_BLH).chunk(3, -1)
        return parts
