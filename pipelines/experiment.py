"""Experiment: one question as validated YAML, composed of the specs of the rooms that answer it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from assets.evaluation.trading import TradingSpec
from assets.features.news_encoding import GROUP, HOW_TO_SET_UP
from assets.folds.walk_forward import WalkForwardSpec
from assets.sources.yaml_settings import read_mapping
from assets.targets.forward_returns import HORIZONS
from assets.training.normalisation import Normalisation
from assets.training.spec import TrainingSpec
from expectations.decisions import DECIDED_HOUR
from models import ModelSpec
from models.losses import LossSpec, MeanSquaredSpec
from models.projection import ProjectionSpec

YAML = "YAML"


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

    name: str
    question: str = Field(min_length=10, description="one sentence that the report must answer")
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


def load_experiments(folder: Path, features: Collection[str]) -> dict[str, Experiment]:
    """Every experiment of a folder by name.

    features  names of the feature groups that exist
    raises    ValueError that names the file, what was found, what is allowed and what to do
    """
    experiments = {path.stem: load_experiment(path) for path in sorted(folder.glob("*.yaml"))}
    for name, experiment in experiments.items():
        if unknown := sorted(set(experiment.features) - set(features)):
            raise ValueError(
                f"{name}.yaml names unknown feature groups {unknown}; known: {sorted(features)}. "
                f"Correct the name, or add assets/features/<name>.py. {HOW_TO_SET_UP if GROUP in unknown else ''}"
            )
        if experiment.target.horizon not in HORIZONS:
            raise ValueError(
                f"{name}.yaml asks for horizon {experiment.target.horizon}; allowed: {HORIZONS}. "
                "Choose one of them, or add it to HORIZONS in assets/targets/forward_returns.py."
            )
    return experiments


def load_experiment(path: Path) -> Experiment:
    """One experiment; a `base` names another file of the folder whose settings it starts from (one level)."""
    own = read_mapping(path, YAML)
    base_name = own.pop("base", None)
    settings: dict[str, Any] = own
    if base_name is not None:
        base_path = path.with_name(f"{base_name}.yaml")
        if not base_path.is_file():
            known = sorted(p.stem for p in path.parent.glob("*.yaml"))
            raise ValueError(f"{path.name}: base '{base_name}' does not exist; known: {known}")
        base = read_mapping(base_path, YAML)
        if "base" in base:
            raise ValueError(f"{path.name}: base '{base_name}' has a base itself; one level is allowed")
        settings = _merged(base, own)
    try:
        return Experiment.model_validate({"name": path.stem, **settings})
    except ValidationError as error:
        raise ValueError(explain(error, path.name)) from None


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


def _merged(base: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Own keys over those of the base; a section that names another kind replaces the base's section."""
    merged = dict(base)
    for key, value in own.items():
        below = base.get(key)
        if isinstance(value, dict) and isinstance(below, dict) and value.get("kind") in (None, below.get("kind")):
            merged[key] = {**below, **value}
        else:
            merged[key] = value
    return merged
