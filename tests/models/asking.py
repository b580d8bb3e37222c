"""Asking: windows without names as models are asked with them, and what networks read of plain tensors."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from models.network import Sequences, Shape
from models.served import Forecaster
from models.windows import TableLayout, Windows


def nameless(x_BLF: NDArray[np.float32]) -> Windows:
    """Windows of names that nobody knows, each of a session of its own."""
    return Windows(x_BLF, np.full(len(x_BLF), "", dtype=np.str_), np.arange(len(x_BLF)))


def forecast_of(model: Forecaster, x_BLF: NDArray[np.float32]) -> NDArray[np.float64]:
    """What a model forecasts of bare windows."""
    return model.predict(nameless(x_BLF)).forecast


def read(x_BLF: Tensor) -> Sequences:
    """Sequences of unknown names that are members all the time."""
    names_B = torch.zeros(len(x_BLF), dtype=torch.long)
    return Sequences(x_BLF, names_B, torch.ones(x_BLF.shape[:2], dtype=torch.bool))


def shape(layout: TableLayout, outputs: int = 1, *security_ids: str) -> Shape:
    """What a network is made for: a layout, some outputs, names."""
    return Shape(layout, security_ids, outputs)
