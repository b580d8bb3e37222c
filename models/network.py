"""Network: a torch module that has been fitted, with the scaler that its inputs need."""
# B batch, L look-back, F features

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from models.document import Document, read_document
from models.scaling import Scaler
from models.windows import TableLayout, check_windows

WEIGHTS = "weights.safetensors"
# Every batch has this many windows, the last one filled up: the same window then gives the same bits in any company.
WINDOWS_AT_ONCE = 256


@runtime_checkable
class NetworkSpec(Protocol):
    """Settings of a network that the training loop can fit."""

    @property
    def look_back(self) -> int:
        """Sessions in a window."""

    @property
    def precision(self) -> str:
        """bf16 or fp32, of the matrix products in training."""

    def network(self, layout: TableLayout) -> nn.Module:
        """A causal module from x_BLF to y_BL, one forecast after each session; its random start is torch's own."""

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
    """A fitted network, its scaler and the columns that it reads."""

    spec: NetworkSpec
    layout: TableLayout
    scaler: Scaler
    module: nn.Module

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the F columns of a window."""
        return self.layout.columns

    def predict(self, x_BLF: NDArray[np.float32]) -> NDArray[np.float64]:
        """Forecasts [B] after the last session of raw windows, in float32 on one thread; NaN is allowed."""
        check_windows(x_BLF, self.spec.look_back, self.columns)
        # Batches this small gain nothing from more threads, and lose much where those share cores with other work.
        with torch.inference_mode(), on_threads(1):
            return self._forecast(x_BLF)

    def _forecast(self, x_BLF: NDArray[np.float32]) -> NDArray[np.float64]:
        forecast_B = np.empty(len(x_BLF))
        place = next(self.module.parameters()).device
        batch_BLF = np.zeros((WINDOWS_AT_ONCE, *x_BLF.shape[1:]), dtype=np.float32)
        self.module.eval()
        for start in range(0, len(x_BLF), WINDOWS_AT_ONCE):
            part_BLF = x_BLF[start : start + WINDOWS_AT_ONCE]
            batch_BLF[: len(part_BLF)] = self.scaler(part_BLF)
            y_BL = self.module(torch.from_numpy(batch_BLF).to(place))
            forecast_B[start : start + len(part_BLF)] = y_BL[: len(part_BLF), -1].cpu().numpy()
        return forecast_B

    def save(self, folder: Path) -> None:
        """Write document and weights into a folder."""
        Document(
            spec=self.spec.model_dump(mode="json"),
            columns=self.columns,
            sequence_columns=self.layout.sequence_columns,
            groups=self.layout.groups,
            scaler=self.scaler,
        ).write(folder)
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in self.module.state_dict().items()}
        save_file(weights, folder / WEIGHTS)


def load_network(spec: NetworkSpec, folder: Path) -> Network:
    """The fitted network that `Network.save` wrote."""
    document = read_document(folder)
    if document.scaler is None:
        raise ValueError(f"{folder}: the document of a network must hold its scaler")
    layout = TableLayout(document.columns, document.sequence_columns, spec.look_back, document.groups)
    with torch.random.fork_rng():
        module = spec.network(layout)
    module.load_state_dict(load_file(folder / WEIGHTS))
    return Network(spec, layout, document.scaler, module.to(device()))
