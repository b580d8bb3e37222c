"""Models: how it learns. The union of their specs is the only register of models."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from models.banded_ridge import BandedRidgeSpec
from models.cross_attention import CrossAttentionSpec
from models.gradient_boosting import GradientBoostingSpec
from models.linear import LinearSpec
from models.lstm import LstmSpec
from models.multi_source_mlp import MultiSourceMlpSpec
from models.two_level_lstm import TwoLevelLstmSpec

ModelSpec = Annotated[
    LinearSpec
    | BandedRidgeSpec
    | GradientBoostingSpec
    | LstmSpec
    | MultiSourceMlpSpec
    | TwoLevelLstmSpec
    | CrossAttentionSpec,
    Field(discriminator="kind"),
]
