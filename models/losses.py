"""Losses: how far forecasts are from the normal scores of what was realised, on the cells that have a label."""
# B batch: sequences of the same sessions, L sessions

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]


class MeanSquaredSpec(BaseModel):
    """Mean squared error after the mean of each session is taken out: only the order within a session is for sale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["mse"] = "mse"


class CorrelationSpec(BaseModel):
    """One minus the correlation within sessions, pooled; the scale of the forecast is left free."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["correlation"] = "correlation"


LossSpec = Annotated[MeanSquaredSpec | CorrelationSpec, Field(discriminator="kind")]


def loss_function(spec: MeanSquaredSpec | CorrelationSpec) -> Loss:
    """The function (forecast_BL, target_BL, mask_BL) -> scalar that a spec stands for."""
    functions: dict[str, Loss] = {"mse": masked_mse, "correlation": masked_correlation}
    return functions[spec.kind]


def masked_mse(forecast_BL: Tensor, target_BL: Tensor, mask_BL: Tensor) -> Tensor:
    """Mean of (forecast - its session's mean - target)^2 over the cells of the mask; 0 where the mask is empty.

    mask_BL  bool; what stands outside of it, NaN included, has no influence
    """
    error_BL = centred(forecast_BL, mask_BL) - target_BL.masked_fill(~mask_BL, 0.0)
    return error_BL.square().sum() / mask_BL.sum().clamp(min=1)


def masked_correlation(forecast_BL: Tensor, target_BL: Tensor, mask_BL: Tensor) -> Tensor:
    """1 - correlation of forecast and target within sessions over the cells of the mask, between 0 and 2."""
    forecast_BL, target_BL = centred(forecast_BL, mask_BL), centred(target_BL, mask_BL)
    norm = (forecast_BL.square().sum() * target_BL.square().sum()).clamp(min=1e-12).sqrt()
    return 1 - (forecast_BL * target_BL).sum() / norm


def centred(values_BL: Tensor, mask_BL: Tensor) -> Tensor:
    """Values minus their mean over the masked cells of the same session (column); 0 outside the mask."""
    values_BL = values_BL.masked_fill(~mask_BL, 0.0)
    means_L = values_BL.sum(0) / mask_BL.sum(0).clamp(min=1)
    return (values_BL - means_L).masked_fill(~mask_BL, 0.0)
