"""Two-level LSTM: an expert reads each security, a coordinator reads what it hears from the others.

After each session a name listens to others: in a basket to every member, where it learns whom to listen to; in the
whole market to a few summaries, each a weighted mean over all members. The cost grows with the names, not with their
pairs: 5,000 names and 16 summaries are 80,000 products a session, where pairs would be 25 million.
"""
# B batch: sequences of the same sessions, L sessions, F features, H width of an expert, K summaries or members
# G baskets, M members of the largest basket, P outputs

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor, nn

from models.expert import Expert
from models.losses import OF_NETWORKS
from models.names import ImportanceWeights, perhaps_unknown
from models.network import UNKNOWN, Network, Sequences, Shape, load_network

NOBODY = -1


class TwoLevelLstmSpec(BaseModel):
    """Widths of experts and coordinator, and who listens to whom."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_deterministic: ClassVar[bool] = False
    is_joint: ClassVar[bool] = True
    losses: ClassVar[tuple[str, ...]] = OF_NETWORKS

    kind: Literal["two_level_lstm"] = "two_level_lstm"
    look_back: int = Field(default=40, ge=1, le=250, description="sessions in a window")
    experts: Literal["shared", "own"] = Field(
        default="shared", description="one for all names, or for each its own departure from it"
    )
    expert: int = Field(default=32, ge=1, description="width of an expert's state")
    embedding: int = Field(default=4, ge=0, description="figures that an expert knows of each name; 0 for none")
    coordinator: int = Field(default=32, ge=1, description="width of the coordinator's state")
    baskets: tuple[tuple[str, ...], ...] = Field(
        default=(), description="security ids that listen to each other; none for the whole market"
    )
    summaries: int = Field(default=16, ge=1, description="summaries of the whole market that each name listens to")
    importance_weights: bool = Field(default=False, description="learn a weight of each feature and name")
    id_dropout: float = Field(default=0.1, ge=0, lt=1, description="share of the names taken for unknown in training")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of the states hidden from what reads them")
    precision: Literal["bf16", "fp32"] = Field(default="bf16", description="matrix products in training; fp32 after")

    @field_validator("baskets")
    @classmethod
    def _name_each_once(cls, baskets: tuple[tuple[str, ...], ...]) -> tuple[tuple[str, ...], ...]:
        names = [name for basket in baskets for name in basket]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"baskets name {twice} twice; a security listens in one basket")
        return baskets

    def network(self, shape: Shape) -> TwoLevelLstm:
        """The network with random weights."""
        return TwoLevelLstm(self, shape)

    def load(self, folder: Path) -> Network:
        """The fitted network of a folder."""
        return load_network(self, folder)


class TwoLevelLstm(nn.Module):
    """Experts, listening, and a coordinator whose last word is the forecast."""

    def __init__(self, spec: TwoLevelLstmSpec, shape: Shape) -> None:
        super().__init__()
        names, features = len(shape.security_ids), len(shape.layout.columns)
        self.id_dropout = spec.id_dropout
        self.weights = ImportanceWeights(names, features) if spec.importance_weights else None
        self.expert = Expert(features, spec.expert, names, spec.embedding, spec.look_back, own=spec.experts == "own")
        self.level = nn.LayerNorm(spec.expert)
        self.listening = (
            Basket(spec.expert, shape, spec.baskets) if spec.baskets else Market(spec.expert, spec.summaries)
        )
        self.coordinator = nn.LSTM(2 * spec.expert, spec.coordinator, batch_first=True)
        self.dropout = nn.Dropout(spec.dropout)
        self.head = nn.Linear(2 * spec.expert + spec.coordinator, shape.outputs)

    def forward(self, read: Sequences) -> Tensor:
        """Outputs y_BLP, after each session."""
        known_B = perhaps_unknown(read.names_B, self.id_dropout, training=self.training)
        x_BLF = read.x_BLF if self.weights is None else self.weights(read.x_BLF, known_B)
        states_BLH = self.dropout(self.level(self.expert(x_BLF, known_B)))
        heard_BLH = self.listening(states_BLH, read.names_B, known_B, read.there_BL)
        told_BLK, _ = self.coordinator(torch.cat([states_BLH, heard_BLH], -1))
        y_BLP: Tensor = self.head(torch.cat([states_BLH, heard_BLH, self.dropout(told_BLK)], -1))
        return y_BLP


class Market(nn.Module):
    """Every name listens to a few summaries of all members of its session."""

    def __init__(self, width: int, summaries: int) -> None:
        super().__init__()
        self.asked = nn.Parameter(torch.randn(summaries, width) / width**0.5)
        self.key, self.value = nn.Linear(width, width), nn.Linear(width, width)
        self.query = nn.Linear(width, width)

    def forward(self, states_BLH: Tensor, members_B: Tensor, known_B: Tensor, there_BL: Tensor) -> Tensor:
        """What each name hears, [B, L, H]."""
        scale = states_BLH.shape[-1] ** -0.5
        shares_LKB = _shares(torch.einsum("blh,kh->lkb", self.key(states_BLH), self.asked) * scale, there_BL.T[:, None])
        summaries_LKH = torch.einsum("lkb,blh->lkh", shares_LKB, self.value(states_BLH))
        wanted_BLK = torch.einsum("blh,lkh->blk", self.query(states_BLH), summaries_LKH) * scale
        return torch.einsum("blk,lkh->blh", wanted_BLK.softmax(-1), summaries_LKH)


class Basket(nn.Module):
    """Every name listens to the members of its basket; whom it listens to is learnt, by what they say and who they are.

    A name in no basket hears nothing.
    """

    basket_N: Tensor
    seat_N: Tensor

    def __init__(self, width: int, shape: Shape, baskets: tuple[tuple[str, ...], ...]) -> None:
        super().__init__()
        size = max(len(basket) for basket in baskets)
        basket_N = torch.full((len(shape.security_ids) + 1,), NOBODY)
        seat_N = torch.zeros_like(basket_N)
        for number, basket in enumerate(baskets):
            members = shape.numbers(basket)
            # Who had no label in training, as one not yet listed, leaves an empty seat.
            known = members != UNKNOWN
            basket_N[members[known]], seat_N[members[known]] = number, torch.arange(len(basket))[known]
        if not (basket_N != NOBODY).any():
            raise ValueError(f"no name of the baskets {baskets} has a label in training; give ids of the universe")
        self.register_buffer("basket_N", basket_N, persistent=False)
        self.register_buffer("seat_N", seat_N, persistent=False)
        self.count, self.size = len(baskets), size
        self.key, self.query, self.value = (nn.Linear(width, width) for _ in range(3))
        self.trust = nn.Parameter(torch.zeros(len(basket_N), size))

    def forward(self, states_BLH: Tensor, members_B: Tensor, known_B: Tensor, there_BL: Tensor) -> Tensor:
        """What each name hears, [B, L, H]."""
        basket_B, seat_B = self.basket_N[members_B], self.seat_N[members_B]
        sits_B = basket_B != NOBODY
        said_GMLH, there_GML = self._seated(states_BLH, there_BL, basket_B, seat_B, sits_B)
        own_B = basket_B.clamp(min=0)
        key_BMLH, value_BMLH = self.key(said_GMLH)[own_B], self.value(said_GMLH)[own_B]
        wanted_BML = torch.einsum("blh,bmlh->bml", self.query(states_BLH), key_BMLH) * states_BLH.shape[-1] ** -0.5
        shares_BML = _shares(wanted_BML + self.trust[known_B][..., None], there_GML[own_B], axis=1)
        return torch.einsum("bml,bmlh->blh", shares_BML, value_BMLH) * sits_B[:, None, None]

    def _seated(
        self, states_BLH: Tensor, there_BL: Tensor, basket_B: Tensor, seat_B: Tensor, sits_B: Tensor
    ) -> tuple[Tensor, Tensor]:
        """States and presence in the seats of the baskets; a seat whose name is not in the batch is empty."""
        seats = (self.count, self.size, states_BLH.shape[1])
        said_GMLH = states_BLH.new_zeros(*seats, states_BLH.shape[-1])
        there_GML = there_BL.new_zeros(seats)
        places = (basket_B[sits_B], seat_B[sits_B])
        return said_GMLH.index_put(places, states_BLH[sits_B]), there_GML.index_put(places, there_BL[sits_B])


def _shares(wanted: Tensor, there: Tensor, axis: int = -1) -> Tensor:
    """Shares that add up to 1 over those that are there; all 0 where nobody is."""
    # Finite, since a softmax over nothing would have no gradient.
    return wanted.masked_fill(~there, torch.finfo(wanted.dtype).min).softmax(axis) * there
