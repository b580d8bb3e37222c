"""Suitability: whether the tables and the sessions that exist can give what an experiment asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from assets.features.news_encoding import GROUP, HOW_TO_SET_UP
from assets.folds.walk_forward import Fold, WalkForwardSpec
from assets.table import Declaration
from assets.targets.forward_returns import HORIZONS
from assets.training.normalisation import by_group
from expectations.decisions import DECIDED_HOUR
from expectations.facts import RAW_FACTS
from models.network import NetworkSpec
from models.windows import RETURN
from pipelines.experiment import Experiment

Windows = Callable[[WalkForwardSpec], tuple[Fold, ...]]
KEEPS_RETURNS = ("none", "market_neutral", "industry_neutral")


def objections(experiment: Experiment, tables: Mapping[str, Declaration], windows: Windows) -> Iterator[str]:
    """What of an experiment cannot be had: what was found, what is allowed and what to do.

    tables   every declared table by key
    windows  gives the folds of a walk-forward, or raises ValueError where there is none
    """
    features = {key.split("/")[1]: table for key, table in tables.items() if table.stage == "features"}
    if unknown := sorted(set(experiment.features) - set(features)):
        yield (
            f"features names unknown groups {unknown}; known: {sorted(features)}. "
            f"Correct the name, or add assets/features/<name>.py. {HOW_TO_SET_UP if GROUP in unknown else ''}"
        )
        return
    if experiment.target.horizon not in HORIZONS:
        yield (
            f"target.horizon is {experiment.target.horizon}; allowed: {HORIZONS}. "
            "Choose one of them, or add it to HORIZONS in assets/targets/forward_returns.py."
        )
    groups = {group: features[group] for group in experiment.features}
    yield from _too_early(experiment, groups, tables)
    yield from _not_normalised(experiment, groups)
    yield from _not_projected(experiment, groups)
    yield from _not_covered(experiment, windows)


def reads_facts(table: Declaration, tables: Mapping[str, Declaration]) -> bool:
    """Whether a table rests on dated facts, by itself or through the tables that it reads."""
    raw = {fact.asset_key for fact in RAW_FACTS}
    upstream = [schema.asset_key for schema in table.inputs.values()]
    return any(key in raw or (key in tables and reads_facts(tables[key], tables)) for key in upstream)


def _too_early(
    experiment: Experiment, groups: Mapping[str, Declaration], tables: Mapping[str, Declaration]
) -> Iterator[str]:
    of_facts = sorted(name for name, table in groups.items() if reads_facts(table, tables))
    if of_facts and experiment.decided_hour < DECIDED_HOUR:
        yield (
            f"decided_hour is {experiment.decided_hour}, and the feature groups {of_facts} hold facts that were known "
            f"at {DECIDED_HOUR}:00; allowed with them: {DECIDED_HOUR} to 23. Decide later, or leave these groups out."
        )


def _not_normalised(experiment: Experiment, groups: Mapping[str, Declaration]) -> Iterator[str]:
    try:
        rules = by_group(experiment.normalisation, tuple(groups))
    except ValueError as error:
        yield str(error)
        return
    for group, table in groups.items():
        summed = _is_sequence(table) and RETURN in table.schema.column_names()
        if summed and rules[group] not in KEEPS_RETURNS and not isinstance(experiment.model, NetworkSpec):
            yield (
                f"normalisation of '{group}' is {rules[group]}, but the model '{experiment.model.kind}' adds up its "
                f"column {RETURN} over a window, which must stay a return; allowed: {list(KEEPS_RETURNS)}. Write "
                f"normalisation: {{default: {rules[group]}, {group}: market_neutral}}."
            )


def _not_projected(experiment: Experiment, groups: Mapping[str, Declaration]) -> Iterator[str]:
    if unknown := sorted(set(experiment.projection) - set(groups)):
        yield f"projection names {unknown}; allowed: the feature groups of the experiment {sorted(groups)}"
        return
    for group, spec in experiment.projection.items():
        width = len(set(groups[group].schema.column_names()) - set(groups[group].schema.primary_key()))
        if _is_sequence(groups[group]):
            yield f"projection names '{group}', which is a sequence; allowed: groups that are none"
        elif spec.components >= width:
            yield (
                f"projection.{group}.components is {spec.components}, and the group has {width} columns; allowed: "
                f"1 to {width - 1}. Ask for fewer, or leave the projection out."
            )


def _not_covered(experiment: Experiment, windows: Windows) -> Iterator[str]:
    try:
        windows(experiment.walk_forward)
    except ValueError as error:
        yield f"walk_forward: {error}"


def _is_sequence(table: Declaration) -> bool:
    return bool(getattr(table.schema, "is_sequence", False))
