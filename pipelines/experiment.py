"""Experiment: one question as validated YAML, composed of the specs of the rooms that answer it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assets.evaluation.trading import TradingSpec
from assets.folds.walk_forward import WalkForwardSpec
from assets.targets.forward_returns import HORIZONS
from assets.training.normalisation import Normalisation
from assets.training.spec import TrainingSpec
from expectations.decisions import DECIDED_HOUR
from models import ModelSpec
from models.losses import LossSpec, MeanSquaredSpec
from models.projection import ProjectionSpec

NAME = "^[a-z][a-z0-9_]*$"
"""Also the name of a group in Dagster and of views in DuckDB."""
OWNER = r"^([^@\s:]+@[^@\s]+\.[^@\s]+|team:[A-Za-z0-9_-]+)$"


class Spec(BaseModel):
    """Immutable settings that refuse a key they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class UniverseSpec(Spec):
    """Which members of the universe are studied; every member unless a basket is named."""

    basket: tuple[str, ...] | None = Field(default=None, description="security ids; null for the whole universe")


class TargetSpec(Spec):
    """What is forecast: the return from the next session's VWAP to the VWAP `horizon` sessions later."""

    horizon: int = Field(default=5, description=f"sessions held, one of {HORIZONS}")


class Experiment(Spec):
    """One question and everything that decides its answer."""

    name: str = Field(pattern=NAME, description="name of its file: small letters, digits and _")
    question: str = Field(min_length=10, description="one sentence that the report must answer")
    owner: str | None = Field(
        default=None, pattern=OWNER, description="who asks, as an address or team:name; shown in the UI"
    )
    decided_hour: int = Field(
        default=DECIDED_HOUR, ge=0, le=23, description="hour of the decision on each session, exchange time"
    )
    universe: UniverseSpec = UniverseSpec()
    features: tuple[str, ...] = Field(min_length=1, description="feature groups, by the name of their file")
    normalisation: Normalisation | dict[str, Normalisation] = Field(
        default="market_neutral",
        description="how a feature is put into the terms of its session; or a rule by group, `default` for the rest",
    )
    projection: dict[str, ProjectionSpec] = Field(
        default={}, description="groups of many columns of which each fold learns a few components on its train rows"
    )
    target: TargetSpec = TargetSpec()
    model: ModelSpec
    loss: LossSpec = MeanSquaredSpec()
    training: TrainingSpec = TrainingSpec()
    walk_forward: WalkForwardSpec
    trading: TradingSpec = TradingSpec()

    def flat(self) -> dict[str, str]:
        """Every setting by its dotted name, as text: what one compares experiments by."""
        return dict(_flat("", self.model_dump(mode="json", exclude={"name", "question", "owner"})))


def validated(name: str, settings: Mapping[str, Any], place: str) -> Experiment:
    """Settings as an experiment; raises ValueError that names the place, what was found and what is allowed."""
    try:
        return Experiment.model_validate({"name": name, **settings})
    except ValidationError as error:
        raise ValueError(explain(error, place)) from None


def _flat(name: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, below in value.items():
            yield from _flat(f"{name}.{key}" if name else key, below)
    elif isinstance(value, list) and not any(isinstance(item, dict | list) for item in value):
        yield name, " ".join(map(str, value)) or "none"
    else:
        yield name, "none" if value in (None, {}, []) else value if isinstance(value, str) else json.dumps(value)


def explain(error: ValidationError, place: str) -> str:
    """A validation error in words: where, what was found, what is allowed."""
    lines = []
    for problem in error.errors():
        where = ".".join(str(part) for part in problem["loc"])
        found = "" if problem["type"] == "missing" else f", found {problem['input']!r}"
        allowed = _allowed(problem["loc"]) if problem["type"] == "extra_forbidden" else ""
        lines.append(f"{place}: {where}: {problem['msg']}{found}{allowed}")
    return "\n".join(lines)


def _allowed(location: tuple[int | str, ...]) -> str:
    """The keys that the settings around an unknown key know."""
    kind: object = Experiment
    for part in location[:-1]:
        kind = _child(kind, str(part))
    fields = getattr(kind, "model_fields", None)
    return f"; allowed here: {sorted(fields)}" if fields else ""


def _child(kind: object, part: str) -> object:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind.model_fields[part].annotation if part in kind.model_fields else None
    for option in getattr(kind, "__args__", ()):
        kinds = getattr(option, "model_fields", {}).get("kind")
        if kinds is not None and kinds.default == part:
            return option
    return None
