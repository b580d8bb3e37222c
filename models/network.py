"""Network: a torch module that has been fitted, with the scaler that its inputs need."""
# B batch, L look-back, F features, P outputs

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import TypeAdapter
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from models.document import Document, read_document
from models.losses import Loss, LossSpec
from models.outlook import Outlook, joined
from models.scaling import Scaler
from models.windows import TableLayout, Windows, check_windows

WEIGHTS = "weights.safetensors"
# Every batch has this many windows, the last one filled up: the same window then gives the same bits in any company.
WINDOWS_AT_ONCE = 256
UNKNOWN = 0
"""Number of a name that was not there in training."""

Stated = Outlook[NDArray[np.float64]]


class Sequences(NamedTuple):
    """What a module reads: B sequences of the same L sessions.

    x_BLF     scaled features
    names_B   number of the security of each, from 1 in the order of the ids that the network knows; UNKNOWN for others
    there_BL  whether it is a member of the universe at that session, so that others may hear it
    """

    x_BLF: Tensor
    names_B: Tensor
    there_BL: Tensor

    def last(self, sessions: int) -> Sequences:
        """The last sessions of each."""
        return Sequences(self.x_BLF[:, -sessions:], self.names_B, self.there_BL[:, -sessions:])


@dataclass(frozen=True)
class Shape:
    """What a module is made for: the columns that it reads, the names that it knows, its outputs for a cell."""

    layout: TableLayout
    security_ids: tuple[str, ...]
    outputs: int

    @cached_property
    def _numbers(self) -> dict[str, int]:
        return {security: number for number, security in enumerate(self.security_ids, start=UNKNOWN + 1)}

    def numbers(self, security_ids: NDArray[np.str_] | tuple[str, ...]) -> Tensor:
        """Numbers of names."""
        return torch.tensor([self._numbers.get(str(security), UNKNOWN) for security in security_ids])


@runtime_checkable
class NetworkSpec(Protocol):
    """Settings of a network that the training loop can fit."""

    is_joint: ClassVar[bool]
    """Whether the names of a session hear each other, so that they are forecast together."""

    @property
    def look_back(self) -> int:
        """Sessions in a window."""

    @property
    def precision(self) -> str:
        """bf16 or fp32, of the matrix products in training."""

    def network(self, shape: Shape) -> nn.Module:
        """A causal module from Sequences to y_BLP, the outputs after each session; its random start is torch's own."""

    def model_dump(self, *, mode: str = "python") -> dict[str, object]:
        """The settings as plain values."""


def device() -> torch.device:
    """The graphics processor when there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Let torch compute on that many threads inside, and on as many as before after."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class Network:
    """A fitted network and what its inputs and outputs mean.

    shape  columns that it reads and names that it knows
    loss   what it minimised, by which its outputs are read
    unit   the return that one unit of its outputs stands for; 1 where they are no returns
    """

    spec: NetworkSpec
    shape: Shape
    scaler: Scaler
    module: nn.Module
    loss: Loss
    unit: float = 1.0

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the F columns of a window."""
        return self.shape.layout.columns

    def predict(self, asked: Windows) -> Stated:
        """What is stated after the last session of raw windows, in float32 on one thread; NaN is allowed."""
        check_windows(asked.x_BLF, self.spec.look_back, self.columns)
        self.module.eval()
        # Batches this small gain nothing from more threads, and lose much where those share cores with other work.
        with torch.inference_mode(), on_threads(1):
            if not self.spec.is_joint or not len(asked):
                return self._one_by_one(asked)
            return self._by_session(asked)

    def _one_by_one(self, asked: Windows) -> Stated:
        x_BLF, names_B = asked.x_BLF, self.shape.numbers(asked.security_ids)
        batch_BLF = np.zeros((WINDOWS_AT_ONCE, *x_BLF.shape[1:]), dtype=np.float32)
        batch_B = torch.full((WINDOWS_AT_ONCE,), UNKNOWN)
        parts = []
        for start in range(0, max(len(x_BLF), 1), WINDOWS_AT_ONCE):
            part_BLF = x_BLF[start : start + WINDOWS_AT_ONCE]
            batch_BLF[: len(part_BLF)] = self.scaler(part_BLF)
            batch_B[: len(part_BLF)] = names_B[start : start + WINDOWS_AT_ONCE]
            parts.append(self._stated(batch_BLF, batch_B, len(part_BLF)))
        return joined(parts)

    def _by_session(self, asked: Windows) -> Stated:
        """Each session by itself, its names together and in the order of their ids: any order gives the same bits."""
        names_B = self.shape.numbers(asked.security_ids)
        order_B = np.lexsort((asked.security_ids, asked.sessions_B))
        starts = np.flatnonzero(np.diff(asked.sessions_B[order_B])) + 1
        parts = [
            self._stated(self.scaler(asked.x_BLF[places]), names_B[places], len(places))
            for places in np.split(order_B, starts)
        ]
        back_B = np.argsort(order_B)
        return joined(parts).each(lambda values: values[back_B])

    def _stated(self, z_BLF: NDArray[np.float32], names_B: Tensor, count: int) -> Stated:
        place = next(self.module.parameters()).device
        there_BL = torch.ones(z_BLF.shape[:2], dtype=torch.bool, device=place)
        y_BLP = self.module(Sequences(torch.from_numpy(z_BLF).to(place), names_B.to(place), there_BL))
        return in_units(self.loss.outlook(y_BLP[:count, -1:].float()), self.unit).each(
            lambda values_B1: values_B1[:, 0].double().cpu().numpy()
        )

    def save(self, folder: Path) -> None:
        """Write document and weights into a folder."""
        Document(
            spec=self.spec.model_dump(mode="json"),
            columns=self.columns,
            sequence_columns=self.shape.layout.sequence_columns,
            groups=self.shape.layout.groups,
            scaler=self.scaler,
            loss=self.loss.model_dump(mode="json"),
            unit=self.unit,
            security_ids=self.shape.security_ids,
        ).write(folder)
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.module.state_dict().items()}
        save_file(weights, folder / WEIGHTS)


def in_units(stated: Outlook[Tensor], unit: float) -> Outlook[Tensor]:
    """An outlook whose forecast and noise are returns; probabilities have no unit."""
    if unit == 1.0:
        return stated
    noise = None if stated.noise_scale is None else stated.noise_scale * unit
    return Outlook(stated.forecast * unit, noise, stated.probability, stated.probability_std)


def load_network(spec: NetworkSpec, folder: Path) -> Network:
    """The fitted network that `Network.save` wrote."""
    document = read_document(folder)
    if document.scaler is None or document.loss is None:
        raise ValueError(f"{folder}: the document of a network must hold its scaler and its loss")
    loss: Loss = TypeAdapter(LossSpec).validate_python(document.loss)
    layout = TableLayout(document.columns, document.sequence_columns, spec.look_back, document.groups)
    shape = Shape(layout, document.security_ids, loss.outputs)
    with torch.random.fork_rng():
        module = spec.network(shape)
    module.load_state_dict(load_file(folder / WEIGHTS))
    return Network(spec, shape, document.scaler, module.to(device()), loss, document.unit)
