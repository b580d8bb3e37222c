"""Scaling: the fitted transform that brings every column of an input to one scale, and fills what is absent."""
# N rows, F columns; the dots of [..., F] stand for any axes before

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

IQR_OF_A_NORMAL = 1.349
ROWS_LOOKED_AT = 50_000


class Scaler(BaseModel):
    """Centre and scale of each column, and the number of scales beyond which a value is clipped."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    centre: tuple[float, ...]
    scale: tuple[float, ...]
    clip: float

    def __call__(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scaled and clipped copy of x [..., F]; NaN becomes 0, the centre."""
        z: NDArray[np.float32] = x - np.array(self.centre, dtype=np.float32)
        z /= np.array(self.scale, dtype=np.float32)
        np.clip(z, -self.clip, self.clip, out=z)
        np.copyto(z, 0.0, where=np.isnan(z))
        return z


def fit_scaler(x_NF: NDArray[np.float32], clip: float = 5.0) -> Scaler:
    """Median and interquartile range of each column over evenly spaced rows, at most 50,000 of them.

    The range is divided by that of a standard normal. A column that is mostly one value (a flag, rare events) is scaled
    by its standard deviation; one that never varies, or is never known, by 1.
    raises  ValueError when there is no row
    """
    if not len(x_NF):
        raise ValueError("no row to fit a scaler on; the training window must hold at least one member with a label")
    sample_NF = x_NF[:: -(-len(x_NF) // ROWS_LOOKED_AT)]
    fitted = [_centre_and_scale(sample_NF[:, column]) for column in range(x_NF.shape[1])]
    return Scaler(centre=tuple(centre for centre, _ in fitted), scale=tuple(scale for _, scale in fitted), clip=clip)


def _centre_and_scale(values_N: NDArray[np.float32]) -> tuple[float, float]:
    known = values_N[np.isfinite(values_N)].astype(np.float64)
    if not len(known):
        return 0.0, 1.0
    low, median, high = np.percentile(known, [25, 50, 75])
    scale = (high - low) / IQR_OF_A_NORMAL or known.std()
    # In float32, as it will be applied: a scale that is 0 there would divide by 0.
    return float(np.float32(median)), float(np.float32(scale)) or 1.0
