"""Linear: ridge regression on the flattened window, the baseline that every network must beat."""
# N rows, C columns of the table, B batch, L look-back, F features, P penalties

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from safetensors.numpy import load_file, save_file

from models.document import Document, read_document
from models.moments import Moments, chunks, sample
from models.outlook import Outlook
from models.ranking import RankIc
from models.scaling import Scaler, fit_scaler
from models.windows import Cells, TableLayout, Windows, check_windows

WEIGHTS = "weights.safetensors"

Floats = NDArray[np.float64]
Report = Callable[[int, float, float], None]


class LineSpec(Protocol):
    """Settings of a model that ends in one weight for each column of the table, however it found them."""

    @property
    def look_back(self) -> int:
        """Sessions in a window."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """The settings as values of JSON."""


class LinearSpec(BaseModel):
    """Ridge regression; its penalty is the one of the grid with the best validation RankIC."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    is_deterministic: ClassVar[bool] = True
    losses: ClassVar[tuple[str, ...]] = ("mse",)

    kind: Literal["linear"] = "linear"
    look_back: int = Field(default=20, ge=1, le=250, description="sessions in a window")
    penalties: tuple[float, ...] = Field(
        default=(0.001, 0.01, 0.1, 1.0, 10.0),
        min_length=1,
        description="grid of penalties, in units of the mean variance of the scaled columns",
    )

    def fit(self, train: Cells, valid: Cells, layout: TableLayout, seed: int, threads: int, report: Report) -> Linear:
        """The ridge solution in closed form, in float64; `report` is told once, of the penalty that was chosen.

        seed, threads  without influence on the solution, beyond the order of sums in the linear algebra
        report         called with (1, training loss, validation RankIC)
        """
        scaler = fit_scaler(sample(train, layout))
        moments = Moments.of(train, layout, scaler)
        weights_CP = _ridge(moments, self.penalties)
        forecast_NP = np.concatenate([rows @ weights_CP for rows, _ in chunks(valid, layout, scaler)])
        rank_ic = RankIc(valid.target_B, valid.sessions_B)
        scores = [rank_ic(forecast) for forecast in forecast_NP.T]
        # The last of the best: of equal penalties the strongest.
        best = len(scores) - 1 - int(np.argmax(scores[::-1]))
        weights_C = np.ascontiguousarray(weights_CP[:, best])
        report(1, moments.loss(weights_C), scores[best])
        return Linear(self, layout, scaler, weights_C)

    def load(self, folder: Path) -> Linear:
        """The fitted model that `Linear.save` wrote."""
        return load_linear(self, folder)


@dataclass(frozen=True)
class Linear:
    """A fitted ridge regression: one weight per scaled column of the table."""

    spec: LineSpec
    layout: TableLayout
    scaler: Scaler
    weights_C: Floats

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the F columns of a window."""
        return self.layout.columns

    def predict(self, asked: Windows) -> Outlook[Floats]:
        """Forecasts of raw windows; NaN is allowed. The same window gives the same bits in any batch."""
        check_windows(asked.x_BLF, self.spec.look_back, self.columns)
        # einsum sums each row by itself; a matrix product may split rows differently in another batch.
        return Outlook(np.einsum("bc,c->b", self.scaler(self.layout.of_windows(asked.x_BLF)), self.weights_C))

    def save(self, folder: Path) -> None:
        """Write document and weights into a folder."""
        Document(
            spec=self.spec.model_dump(mode="json"),
            columns=self.columns,
            sequence_columns=self.layout.sequence_columns,
            scaler=self.scaler,
        ).write(folder)
        save_file({"weights": self.weights_C}, folder / WEIGHTS)


def load_linear(spec: LineSpec, folder: Path) -> Linear:
    """The fitted model that `Linear.save` wrote."""
    document = read_document(folder)
    if document.scaler is None:
        raise ValueError(f"{folder}: the document of a linear model must hold its scaler")
    layout = TableLayout(document.columns, document.sequence_columns, spec.look_back)
    return Linear(spec, layout, document.scaler, load_file(folder / WEIGHTS)["weights"])


def _ridge(moments: Moments, penalties: tuple[float, ...]) -> Floats:
    """Solutions [C, P] of (gram + penalty * mean variance) w = moment, from one decomposition."""
    variances, axes = np.linalg.eigh(moments.gram / moments.rows)
    added_P = np.array(penalties) * max(float(variances.mean()), np.finfo(float).tiny)
    scaled_CP = (axes.T @ moments.moment / moments.rows)[:, None] / (np.maximum(variances, 0)[:, None] + added_P)
    solutions: Floats = axes @ scaled_CP
    return solutions
