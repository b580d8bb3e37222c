"""Spec: how a model is trained."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.augmentation import AugmentationSpec


class TrainingSpec(BaseModel):
    """How a model is trained; all but `seeds` and `threads` concern networks only."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seeds: int = Field(default=3, ge=1, description="fits of each fold, with seeds 0, 1, 2, ...")
    max_epochs: int = Field(default=12, ge=1)
    patience: int = Field(default=4, ge=1, description="epochs without a better validation before it stops")
    stop_by: Literal["rank_ic", "loss"] = Field(
        default="rank_ic",
        description="what is best on validation: the order of the names of a session, or what is minimised",
    )
    learning_rate: float = Field(default=5e-3, gt=0)
    schedule: Literal["constant", "cosine"] = Field(
        default="constant", description="learning rate over the epochs: as it is, or down to 0 along a half cosine"
    )
    weight_decay: float = Field(default=0.1, ge=0)
    weight_averaging: float = Field(
        default=0.98, ge=0, lt=1, description="share of the mean of the weights kept a step"
    )
    batch_size: int = Field(default=100, ge=1, description="sequences a step, all of the same sessions")
    batches_a_step: int = Field(
        default=1, ge=1, description="batches whose gradients are averaged before the weights move"
    )
    processes: int = Field(
        default=1, ge=1, description="that fit a network together, one for each graphics processor; they share a step"
    )
    burn_in: int = Field(
        default=30, ge=0, description="sessions read before the first one that a sequence is scored on"
    )
    span: int = Field(default=30, ge=1, description="sessions of a sequence that have a loss")
    augmentation: tuple[AugmentationSpec, ...] = Field(
        default=(), description="how each train batch is made another one, in this order"
    )
    threads: int | None = Field(
        default=1,
        ge=1,
        description="null for as many as torch finds; threads that share cores with other work are slow",
    )

    @model_validator(mode="after")
    def _processes_share_a_step(self) -> Self:
        if self.batches_a_step % self.processes:
            raise ValueError(
                f"batches_a_step is {self.batches_a_step}, which {self.processes} processes cannot share; make it a "
                "multiple"
            )
        return self
