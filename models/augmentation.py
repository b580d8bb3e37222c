"""Augmentation: other versions of a training batch, in which no cause comes after its effect.

Each takes and returns the scaled features x_BLF and the targets target_BL of the last sessions of the same sequences,
drawn anew at every step. What stands at a place of a copy was known at the session whose target stands there; copies
are made of train batches only, within the fit, so none can come to lie on another side of a split.
"""
# B batch: sequences of the same sessions, L sessions, F features

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Annotated, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from models.windows import RETURN

Batch = tuple[Tensor, Tensor]
Augment = Callable[[Tensor, Tensor], Batch]


class TimeScalingSpec(BaseModel):
    """The past runs a little faster or slower: sessions are counted back from the last one with another step.

    Between two sessions features are interpolated, and the copy is then of the later of the two, with its target. One
    pace holds for a whole batch, so that the names of a session stay together. A slower pace needs older sessions.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["time_scaling"] = "time_scaling"
    most: float = Field(default=0.05, gt=0, le=0.05, description="largest change of the pace, as a share")

    def older(self, sessions: int) -> int:
        """Sessions before a sequence of that length that it may reach back to."""
        return math.ceil(sessions * self.most)

    def bound(self, columns: Sequence[str], groups: Sequence[str]) -> Augment:
        """The function for the columns of a panel; it looks at no name of them."""
        return self._scaled

    def _scaled(self, x_BLF: Tensor, target_BL: Tensor) -> Batch:
        last = x_BLF.shape[1] - 1
        pace = 1 + self.most * (2 * float(torch.rand(())) - 1)
        back_L = torch.arange(last, -1, -1, device=x_BLF.device, dtype=torch.float64)
        place_L = (last - back_L * pace).clamp(min=0)
        earlier_L, later_L = place_L.floor().long(), place_L.ceil().long()
        share_LF = (place_L - earlier_L)[:, None].to(x_BLF.dtype)
        scaled_BLF = x_BLF[:, earlier_L] * (1 - share_LF) + x_BLF[:, later_L] * share_LF
        before = x_BLF.shape[1] - target_BL.shape[1]
        has_none_BL = target_BL.new_full((len(target_BL), before), torch.nan)
        return scaled_BLF, torch.cat([has_none_BL, target_BL], 1)[:, later_L][:, before:]


class JitterSpec(BaseModel):
    """Noise on the features of quiet stretches, where it hides little: a calm past may well have been a bit different.

    A name is quiet where the mean size of its last `sessions` returns lies in the lower part of its session.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["jitter"] = "jitter"
    scale: float = Field(default=0.1, gt=0, le=1, description="standard deviation of the noise, in scaled features")
    quiet: float = Field(default=0.5, gt=0, lt=1, description="share of the names of a session that is quiet")
    sessions: int = Field(default=10, ge=1, description="sessions over which the size of the returns is averaged")

    def older(self, sessions: int) -> int:
        """None more than the sequence has."""
        return 0

    def bound(self, columns: Sequence[str], groups: Sequence[str]) -> Augment:
        """The function for the columns of a panel; ValueError where none of them is the return."""
        if RETURN not in columns:
            raise ValueError(
                f"the augmentation 'jitter' finds quiet stretches by the column '{RETURN}', which is not among the "
                f"{len(columns)} columns of the panel; add the feature group price_window, or leave it out"
            )
        here = list(columns).index(RETURN)
        return lambda x_BLF, target_BL: (self._jittered(x_BLF, here), target_BL)

    def _jittered(self, x_BLF: Tensor, here: int) -> Tensor:
        total_BL = torch.nn.functional.pad(x_BLF[..., here].abs().double().cumsum(1), (self.sessions, 0))
        size_BL = total_BL[:, self.sessions :] - total_BL[:, : -self.sessions]
        held_L = torch.arange(1, x_BLF.shape[1] + 1, device=x_BLF.device).clamp(max=self.sessions)
        mean_BL = size_BL / held_L
        is_quiet_BL = mean_BL <= mean_BL.kthvalue(max(1, int(self.quiet * len(mean_BL))), dim=0).values
        return x_BLF + self.scale * torch.randn_like(x_BLF) * is_quiet_BL[..., None]


class EventShiftSpec(BaseModel):
    """News and other events reach a sequence up to three sessions later than they did; never earlier."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["event_shift"] = "event_shift"
    groups: tuple[str, ...] = Field(min_length=1, description="feature groups that tell of events")
    most: int = Field(default=3, ge=1, le=3, description="sessions by which an event may come later")

    def older(self, sessions: int) -> int:
        """As many sessions as an event may come later."""
        return self.most

    def bound(self, columns: Sequence[str], groups: Sequence[str]) -> Augment:
        """The function for the columns of a panel; ValueError for a group that it does not have."""
        if unknown := sorted(set(self.groups) - set(groups)):
            raise ValueError(
                f"the augmentation 'event_shift' names {unknown}; the groups of the panel are {sorted(set(groups))}"
            )
        told = torch.tensor([place for place, group in enumerate(groups) if group in self.groups])
        return lambda x_BLF, target_BL: (self._shifted(x_BLF, told.to(x_BLF.device)), target_BL)

    def _shifted(self, x_BLF: Tensor, told: Tensor) -> Tensor:
        later_B = torch.randint(self.most + 1, (len(x_BLF),)).to(x_BLF.device)
        place_BL = (torch.arange(x_BLF.shape[1], device=x_BLF.device) - later_B[:, None]).clamp(min=0)
        events_BLE = x_BLF[..., told]
        shifted_BLF = x_BLF.clone()
        shifted_BLF[..., told] = events_BLE.gather(1, place_BL[..., None].expand_as(events_BLE))
        return shifted_BLF


AugmentationSpec = Annotated[TimeScalingSpec | JitterSpec | EventShiftSpec, Field(discriminator="kind")]
