"""Heads: losses under which a network states a distribution, of the return to come or of a rise.

Two uncertainties are kept apart. `noise_scale` says how widely the return scatters around what is stated: more data
does not make it smaller. `probability_std` says how unsure the stated probability of a rise itself is. One outcome of
each input says nothing of the latter: the likelihood of a single rise or fall depends on the mean probability alone. So
it is learnt from outcomes that share one shock, those of the names of a session, or comes from an ensemble.
"""
# B batch: sequences of the same sessions, L sessions, P parameters of a head, K nodes of a quadrature

from __future__ import annotations

import math
from functools import cache
from typing import ClassVar, Literal

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field, field_validator
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from models.outlook import Outlook

Aim = Literal["score", "return", "rise"]
"""What a loss compares with: normal scores within the session, returns in units of their spread, or their sign."""
NARROWEST = 1e-3
"""Smallest scale, in units of the aim: the likelihood of a point grows without end as its scale vanishes."""
NODES = 32
FALL_WEIGHT = "what a fall that was called a rise costs, beside a rise that was called a fall"


class GaussianHead(BaseModel):
    """Location and scale of a normal distribution of the return (Nix and Weigend 1994)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aim: ClassVar[Aim] = "return"
    outputs: ClassVar[int] = 2

    kind: Literal["gaussian"] = "gaussian"

    def __call__(self, y_BLP: Tensor, aim_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Mean negative log likelihood over the mask; 0 where it is empty."""
        scale_BL = _scale(y_BLP[..., 1])
        z_BL = (aim_BL.masked_fill(~mask_BL, 0.0) - y_BLP[..., 0]) / scale_BL
        return _mean(z_BL.square() / 2 + scale_BL.log() + math.log(2 * math.pi) / 2, mask_BL)

    def outlook(self, y_BLP: Tensor) -> Outlook[Tensor]:
        """The location; the scale; the share of the distribution above 0."""
        scale_BL = _scale(y_BLP[..., 1])
        probability_BL = torch.special.ndtr(y_BLP[..., 0] / scale_BL)
        return Outlook(y_BLP[..., 0], scale_BL, probability_BL)


class StudentTHead(BaseModel):
    """Location and scale of Student's t: as the normal one, but a surprise is no proof of another scale."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aim: ClassVar[Aim] = "return"
    outputs: ClassVar[int] = 2

    kind: Literal["student_t"] = "student_t"
    degrees: float = Field(default=5.0, gt=2, description="degrees of freedom; above 2, so that it has a variance")

    def __call__(self, y_BLP: Tensor, aim_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Mean negative log likelihood over the mask; 0 where it is empty."""
        nu, scale_BL = self.degrees, _scale(y_BLP[..., 1])
        z_BL = (aim_BL.masked_fill(~mask_BL, 0.0) - y_BLP[..., 0]) / scale_BL
        constant = math.lgamma(nu / 2) - math.lgamma((nu + 1) / 2) + math.log(nu * math.pi) / 2
        return _mean((nu + 1) / 2 * torch.log1p(z_BL.square() / nu) + scale_BL.log() + constant, mask_BL)

    def outlook(self, y_BLP: Tensor) -> Outlook[Tensor]:
        """The location; the standard deviation, scale * sqrt(degrees / (degrees - 2))."""
        return Outlook(y_BLP[..., 0], _scale(y_BLP[..., 1]) * math.sqrt(self.degrees / (self.degrees - 2)))


class QuantileHead(BaseModel):
    """Quantiles of the return, in order by construction: the lowest, and how far each lies above the one before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aim: ClassVar[Aim] = "return"

    kind: Literal["quantile"] = "quantile"
    levels: tuple[float, ...] = Field(default=(0.1, 0.25, 0.5, 0.75, 0.9), min_length=3)

    @field_validator("levels")
    @classmethod
    def _rise_through_the_median(cls, levels: tuple[float, ...]) -> tuple[float, ...]:
        rising = all(low < high for low, high in zip((0.0, *levels), (*levels, 1.0), strict=True))
        if not rising or 0.5 not in levels:
            raise ValueError(f"levels are {levels}; give rising shares between 0 and 1, the median 0.5 among them")
        return levels

    @property
    def outputs(self) -> int:
        """One parameter for each level."""
        return len(self.levels)

    def quantiles(self, y_BLP: Tensor) -> Tensor:
        """The quantile of each level, [B, L, P]."""
        return torch.cat([y_BLP[..., :1], softplus(y_BLP[..., 1:])], dim=-1).cumsum(-1)

    def __call__(self, y_BLP: Tensor, aim_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Mean pinball loss over levels and mask (Koenker and Bassett 1978); 0 where the mask is empty."""
        error_BLP = aim_BL.masked_fill(~mask_BL, 0.0)[..., None] - self.quantiles(y_BLP)
        levels_P = torch.tensor(self.levels, dtype=y_BLP.dtype, device=y_BLP.device)
        return _mean(torch.maximum(levels_P * error_BLP, (levels_P - 1) * error_BLP).mean(-1), mask_BL)

    def outlook(self, y_BLP: Tensor) -> Outlook[Tensor]:
        """The median; the distance of the outer quantiles over that of a standard normal."""
        quantile_BLP = self.quantiles(y_BLP)
        ends = torch.special.ndtri(torch.tensor([self.levels[0], self.levels[-1]], dtype=torch.float64))
        width = float(ends[1] - ends[0])
        median_BL = quantile_BLP[..., self.levels.index(0.5)]
        return Outlook(median_BL, (quantile_BLP[..., -1] - quantile_BLP[..., 0]) / width)


class CrossEntropyHead(BaseModel):
    """A probability of a rise, by itself; a fall that was called a rise may cost more than the opposite."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    aim: ClassVar[Aim] = "rise"
    outputs: ClassVar[int] = 1

    kind: Literal["cross_entropy"] = "cross_entropy"
    fall_weight: float = Field(default=1.0, gt=0, description=FALL_WEIGHT)
    smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each label that is one half: no outcome was quite certain"
    )

    def __call__(self, y_BLP: Tensor, aim_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Mean weighted cross-entropy over the mask; 0 where it is empty."""
        rise_BL = (aim_BL.masked_fill(~mask_BL, 0.0) > 0).to(y_BLP.dtype)
        told_BL, logit_BL = rise_BL * (1 - self.smoothing) + self.smoothing / 2, y_BLP[..., 0]
        cost_BL = told_BL * logsigmoid(logit_BL) + self.fall_weight * (1 - told_BL) * logsigmoid(-logit_BL)
        return -_mean(cost_BL, mask_BL)

    def outlook(self, y_BLP: Tensor) -> Outlook[Tensor]:
        """The logit; the probability, freed of what weights and smoothing tilt it by."""
        told_BL = corrected(torch.sigmoid(y_BLP[..., 0]), self.fall_weight)
        probability_BL = ((told_BL - self.smoothing / 2) / (1 - self.smoothing)).clamp(0, 1)
        return Outlook(y_BLP[..., 0], probability=probability_BL)


class LogitNormalHead(BaseModel):
    """A probability of a rise whose logit is normal, N(mu, s^2) (after Kendall and Gal 2017).

    The names of a session share the shock of the logit: their joint likelihood is its mean over the shock, and s is how
    strongly each follows it. Alone each outcome would leave s free.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    aim: ClassVar[Aim] = "rise"
    outputs: ClassVar[int] = 2

    kind: Literal["logit_normal"] = "logit_normal"
    fall_weight: float = Field(default=1.0, gt=0, description=FALL_WEIGHT)

    def __call__(self, y_BLP: Tensor, aim_BL: Tensor, mask_BL: Tensor) -> Tensor:
        """Negative log likelihood of all sessions over the number of outcomes in the mask; 0 where it is empty."""
        is_rise_BL = aim_BL.masked_fill(~mask_BL, 0.0) > 0
        logit_BLK = self._logits(y_BLP)
        cost_BLK = torch.where(is_rise_BL[..., None], logsigmoid(logit_BLK), self.fall_weight * logsigmoid(-logit_BLK))
        _, log_weights_K = _nodes(y_BLP.dtype, y_BLP.device)
        session_LK = cost_BLK.masked_fill(~mask_BL[..., None], 0.0).sum(0)
        return -torch.logsumexp(session_LK + log_weights_K, -1).sum() / mask_BL.sum().clamp(min=1)

    def outlook(self, y_BLP: Tensor) -> Outlook[Tensor]:
        """Mean of the logit; mean and standard deviation of the probability, freed of what the weights tilt it by."""
        _, log_weights_K = _nodes(y_BLP.dtype, y_BLP.device)
        probability_BLK = corrected(torch.sigmoid(self._logits(y_BLP)), self.fall_weight)
        mean_BL = (probability_BLK * log_weights_K.exp()).sum(-1)
        variance_BL = ((probability_BLK - mean_BL[..., None]).square() * log_weights_K.exp()).sum(-1)
        return Outlook(y_BLP[..., 0], None, mean_BL, variance_BL.clamp(min=0).sqrt())

    def _logits(self, y_BLP: Tensor) -> Tensor:
        nodes_K, _ = _nodes(y_BLP.dtype, y_BLP.device)
        return y_BLP[..., :1] + _scale(y_BLP[..., 1:]) * nodes_K


def corrected(stated: Tensor, fall_weight: float) -> Tensor:
    """The probability p of which an asymmetric cross-entropy makes the stated q = p / (p + w (1 - p)).

    With w = 1.5 a p of .5 is stated as .4; p = w q / (1 + (w - 1) q).
    """
    return fall_weight * stated / (1 + (fall_weight - 1) * stated)


def _scale(raw: Tensor) -> Tensor:
    return softplus(raw) + NARROWEST


def _mean(values_BL: Tensor, mask_BL: Tensor) -> Tensor:
    return values_BL.masked_fill(~mask_BL, 0.0).sum() / mask_BL.sum().clamp(min=1)


@cache
def _nodes(dtype: torch.dtype, place: torch.device) -> tuple[Tensor, Tensor]:
    """Nodes and log weights of the Gauss-Hermite quadrature of a standard normal."""
    nodes_K, weights_K = np.polynomial.hermite_e.hermegauss(NODES)
    log_weights_K = np.log(weights_K / weights_K.sum())
    return tuple(torch.tensor(each, dtype=dtype, device=place) for each in (nodes_K, log_weights_K))  # type: ignore[return-value]
