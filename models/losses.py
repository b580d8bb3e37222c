"""Losses: how far what a network states is from what was realised, on the cells that have a label.

A loss is called with the outputs y_BLP of a network, aim_BL and mask_BL and returns a scalar; what stands outside of
the mask, NaN included, has no influence. Those of this module compare forecasts with normal scores and look at
differences within a session only: what its names share is not for sale. Those of `heads` state a distribution.
"""
# B batch: sequences of the same sessions, L sessions, P outputs

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal, Protocol

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor
from torch.nn.functional import huber_loss, softplus

from models.heads import Aim, CrossEntropyHead, GaussianHead, LogitNormalHead, QuantileHead, StudentTHead
from models.outlook import Outlook


class Loss(Protocol):
    """What a network minimises, and how its outputs are read."""

    @property
    def aim(self) -> Aim:
        """What it compares with."""

    @property
    def outputs(self) -> int:
        """Outputs P that it needs for a cell."""

    def __call__(self, y_BLP: Tensor, aim_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """The loss over the masked cells; 0 where there is none."""

    def outlook(self, y_BLP: Tensor) -> Outlook[Tensor]:
        """What the outputs state."""

    def model_dump(self, *, mode: str = "python") -> dict[str, object]:
        """The settings as plain values."""


class ScoreLoss(BaseModel):
    """A loss on one output, the forecast, beside the normal score of the realised return."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aim: ClassVar[Aim] = "score"
    outputs: ClassVar[int] = 1

    def __call__(self, y_BLP: Tensor, aim_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """The loss over the masked cells."""
        return self.of_forecast(y_BLP[..., 0], aim_BL, mask_BL)

    def outlook(self, y_BLP: Tensor) -> Outlook[Tensor]:
        """The forecast alone."""
        return Outlook(y_BLP[..., 0])

    @abstractmethod
    def of_forecast(self, forecast_BL: Tensor, target_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """The loss of forecasts."""


class MeanSquaredSpec(ScoreLoss):
    """Mean squared error after the mean of each session is taken out."""

    kind: Literal["mse"] = "mse"

    def of_forecast(self, forecast_BL: Tensor, target_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Mean of (forecast - its session's mean - target)^2 over the mask; 0 where the mask is empty."""
        error_BL = centred(forecast_BL, mask_BL) - target_BL.masked_fill(~mask_BL, 0.0)
        return error_BL.square().sum() / mask_BL.sum().clamp(min=1)


class HuberSpec(ScoreLoss):
    """As the mean squared error, but beyond `delta` an error counts by its size: surprises pull less (Huber 1964)."""

    kind: Literal["huber"] = "huber"
    delta: float = Field(default=1.0, gt=0, description="error, in normal scores, from which on it counts by its size")

    def of_forecast(self, forecast_BL: Tensor, target_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Mean over the mask of error^2 / 2 up to delta, of delta * (|error| - delta / 2) beyond; 0 where empty."""
        aim_BL = target_BL.masked_fill(~mask_BL, 0.0)
        total = huber_loss(centred(forecast_BL, mask_BL), aim_BL, reduction="sum", delta=self.delta)
        return total / mask_BL.sum().clamp(min=1)


class CorrelationSpec(ScoreLoss):
    """One minus the correlation within sessions, pooled: an IC; the scale of the forecast is left free."""

    kind: Literal["correlation"] = "correlation"

    def of_forecast(self, forecast_BL: Tensor, target_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """1 - correlation of forecast and target over the mask, between 0 and 2."""
        forecast_BL, target_BL = centred(forecast_BL, mask_BL), centred(target_BL, mask_BL)
        norm = (forecast_BL.square().sum() * target_BL.square().sum()).clamp(min=1e-12).sqrt()
        return 1 - (forecast_BL * target_BL).sum() / norm


class PairwiseSpec(ScoreLoss):
    """Logistic loss on the order of pairs of names of one session (RankNet, Burges et al. 2005).

    Each name meets `partners` others, drawn anew at every step: the same expectation as all pairs, at a cost that grows
    with the names and not with their square.
    """

    kind: Literal["pairwise"] = "pairwise"
    partners: int = Field(default=16, ge=1, description="names that each name is compared with in a step")

    def of_forecast(self, forecast_BL: Tensor, target_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Mean of log(1 + exp(-(better - worse))) over the pairs whose targets differ; 0 where there is none."""
        names = len(forecast_BL)
        steps = torch.randperm(max(names - 1, 0))[: self.partners] + 1
        total, pairs = forecast_BL.new_zeros(()), forecast_BL.new_zeros(())
        forecast_BL, target_BL = forecast_BL.masked_fill(~mask_BL, 0.0), target_BL.masked_fill(~mask_BL, 0.0)
        for step in steps.tolist():
            order_BL = (target_BL - target_BL.roll(step, 0)).sign() * (mask_BL & mask_BL.roll(step, 0))
            apart_BL = order_BL * (forecast_BL - forecast_BL.roll(step, 0))
            total = total + (softplus(-apart_BL) * order_BL.abs()).sum()
            pairs = pairs + order_BL.abs().sum()
        return total / pairs.clamp(min=1)


LossSpec = Annotated[
    MeanSquaredSpec
    | HuberSpec
    | CorrelationSpec
    | PairwiseSpec
    | GaussianHead
    | StudentTHead
    | QuantileHead
    | CrossEntropyHead
    | LogitNormalHead,
    Field(discriminator="kind"),
]
OF_NETWORKS = (
    "mse",
    "huber",
    "correlation",
    "pairwise",
    "gaussian",
    "student_t",
    "quantile",
    "cross_entropy",
    "logit_normal",
)
"""Kinds that anything fitted by steps down a gradient can minimise."""


def centred(values_BL: Tensor, mask_BL: Tensor) -> Tensor:
    """Values minus their mean over the masked cells of the same session (column); 0 outside the mask."""
    values_BL = values_BL.masked_fill(~mask_BL, 0.0)
    means_L = values_BL.sum(0) / mask_BL.sum(0).clamp(min=1)
    return (values_BL - means_L).masked_fill(~mask_BL, 0.0)
