"""Served: a fitted model read back from its folder, whatever its kind, ready to forecast."""
# B batch, L look-back, F features

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter

from models import ModelSpec
from models.document import read_document
from models.outlook import Outlook
from models.projection import Projection, load_projection
from models.windows import Windows, check_windows


class Forecaster(Protocol):
    """A fitted model: it forecasts from raw windows, and writes itself to a folder without pickle."""

    @property
    def spec(self) -> Any:
        """The settings that it was fitted with."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the F columns of a window, in order."""

    def predict(self, asked: Windows) -> Outlook[NDArray[np.float64]]:
        """What is stated of raw windows [B, L, F], L being the look-back of the spec; NaN is allowed."""

    def save(self, folder: Path) -> None:
        """Write everything that `load` needs into a folder."""


@dataclass(frozen=True)
class Projected:
    """A fitted model behind the projection whose components it was fitted on; from outside, it reads raw windows."""

    projection: Projection
    forecaster: Forecaster

    @property
    def spec(self) -> Any:
        """The settings of the model."""
        return self.forecaster.spec

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the raw columns of a window, before the projection."""
        return self.projection.columns

    def predict(self, asked: Windows) -> Outlook[NDArray[np.float64]]:
        """What is stated of raw windows; NaN is allowed."""
        check_windows(asked.x_BLF, self.spec.look_back, self.columns)
        return self.forecaster.predict(replace(asked, x_BLF=self.projection(asked.x_BLF)))

    def save(self, folder: Path) -> None:
        """Write the model and its projection into one folder."""
        self.forecaster.save(folder)
        self.projection.save(folder)


def load(folder: Path) -> Forecaster:
    """The forecaster that was saved to a folder; its document says of which kind it is.

    raises  ValueError when the folder holds no document, or one of an unknown kind
    """
    spec: ModelSpec = TypeAdapter(ModelSpec).validate_python(read_document(folder).spec)
    forecaster: Forecaster = spec.load(folder)
    projection = load_projection(folder)
    return forecaster if projection is None else Projected(projection, forecaster)
