"""Served: a fitted model read back from its folder, whatever its kind, ready to forecast."""
# B batch, L look-back, F features

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models import ModelSpec
from models.document import read_document


class Forecaster(Protocol):
    """A fitted model: it forecasts from raw windows, and writes itself to a folder without pickle."""

    @property
    def spec(self) -> Any:
        """The settings that it was fitted with."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the F columns of a window, in order."""

    def predict(self, x_BLF: NDArray[np.float32]) -> NDArray[np.float64]:
        """Forecasts [B] of raw windows [B, L, F], L being the look-back of the spec; NaN is allowed."""

    def save(self, folder: Path) -> None:
        """Write everything that `load` needs into a folder."""


def load(folder: Path) -> Forecaster:
    """The forecaster that was saved to a folder; its document says of which kind it is.

    raises  ValueError when the folder holds no document, or one of an unknown kind
    """
    spec: ModelSpec = TypeAdapter(ModelSpec).validate_python(read_document(folder).spec)
    return spec.load(folder)
