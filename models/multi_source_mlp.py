"""Multi-source MLP: the state of a price sequence beside the last figures of every other source, in one perceptron."""
# B batch, L look-back, F features, H width of the state, W width of a source, P outputs

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from models.losses import OF_NETWORKS
from models.lstm import spread_time_scales
from models.network import Network, Sequences, Shape, load_network
from models.windows import TableLayout


class MultiSourceMlpSpec(BaseModel):
    """Widths of its parts, and how often a whole source is taken away in training."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_deterministic: ClassVar[bool] = False
    losses: ClassVar[tuple[str, ...]] = OF_NETWORKS
    is_joint: ClassVar[bool] = False

    kind: Literal["multi_source_mlp"] = "multi_source_mlp"
    look_back: int = Field(default=40, ge=1, le=250, description="sessions in a window")
    state: int = Field(default=32, ge=1, description="width of the state that reads the sequence columns")
    source: int = Field(default=16, ge=1, description="width that each other source is brought to")
    widths: tuple[int, ...] = Field(default=(64, 32), min_length=1, description="layers of the perceptron")
    dropout: float = Field(default=0.2, ge=0, lt=1, description="share of each layer hidden from the next")
    source_dropout: float = Field(
        default=0.2, ge=0, lt=1, description="chance of a source to be absent from a sequence, as one may be one day"
    )
    precision: Literal["bf16", "fp32"] = Field(default="bf16", description="matrix products in training; fp32 after")

    def network(self, shape: Shape) -> MultiSourceMlp:
        """The network with random weights; ValueError where it would have neither a sequence nor another source."""
        return MultiSourceMlp(self, shape.layout, shape.outputs)

    def load(self, folder: Path) -> Network:
        """The fitted network of a folder."""
        return load_network(self, folder)


class MultiSourceMlp(nn.Module):
    """An LSTM over the sequence columns; a layer for each other feature group; a perceptron over them all.

    Every source is brought to one width, so that 158 columns do not outvote one. In training whole sources are set to
    their centre, which is what absent figures are scaled to: a source that is missing one day was missing before.
    """

    def __init__(self, spec: MultiSourceMlpSpec, layout: TableLayout, outputs: int) -> None:
        super().__init__()
        self.source_dropout = spec.source_dropout
        self.sources = sources(layout)
        if not self.sources:
            raise ValueError("a multi_source_mlp needs at least one column; give the experiment a feature group")
        widths = []
        self.recurrence: nn.LSTM | None = None
        if layout.sequence_columns:
            self.recurrence = nn.LSTM(len(layout.sequence_columns), spec.state, batch_first=True)
            spread_time_scales(self.recurrence, spec.look_back)
            widths.append(spec.state)
        others = {name: places for name, places in self.sources.items() if name != SEQUENCE}
        self.readers = nn.ModuleDict({name: nn.Linear(len(places), spec.source) for name, places in others.items()})
        widths += [spec.source] * len(others)
        layers: list[nn.Module] = []
        for before, after in zip((sum(widths), *spec.widths), spec.widths, strict=False):
            layers += [nn.Dropout(spec.dropout), nn.Linear(before, after), nn.GELU()]
        self.perceptron = nn.Sequential(*layers, nn.Linear(spec.widths[-1], outputs))

    def forward(self, read: Sequences) -> Tensor:
        """Outputs y_BLP, after each session."""
        parts = []
        for name, places in self.sources.items():
            seen_BLC = self._perhaps_absent(read.x_BLF[..., places])
            if name == SEQUENCE and self.recurrence is not None:
                parts.append(self.recurrence(seen_BLC)[0])
            else:
                parts.append(nn.functional.gelu(self.readers[name](seen_BLC)))
        y_BLP: Tensor = self.perceptron(torch.cat(parts, -1))
        return y_BLP

    def _perhaps_absent(self, seen_BLC: Tensor) -> Tensor:
        if not self.training or not self.source_dropout:
            return seen_BLC
        is_there_B = torch.rand(len(seen_BLC), 1, 1, device=seen_BLC.device) >= self.source_dropout
        return seen_BLC * is_there_B


SEQUENCE = "the sequence"


def sources(layout: TableLayout) -> dict[str, list[int]]:
    """Places of the columns of each source: those read as a sequence, and the rest of each feature group."""
    found: dict[str, list[int]] = {}
    groups = layout.groups or ("all",) * len(layout.columns)
    for place, (column, group) in enumerate(zip(layout.columns, groups, strict=True)):
        found.setdefault(SEQUENCE if column in layout.sequence_columns else group, []).append(place)
    return found
