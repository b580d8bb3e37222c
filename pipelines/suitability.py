"""Suitability: whether the tables that exist can give what an experiment asks of its feature groups."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from assets.table import Declaration
from assets.training.normalisation import by_group
from expectations.decisions import DECIDED_HOUR
from expectations.facts import RAW_FACTS
from models.network import NetworkSpec
from models.windows import RETURN
from pipelines.experiment import Experiment

KEEPS_RETURNS = ("none", "market_neutral", "industry_neutral")


def check_suitable(experiments: Mapping[str, Experiment], tables: Mapping[str, Declaration]) -> None:
    """Refuse an experiment that its feature groups do not suit.

    tables  every declared table by key
    raises  ValueError that names the file, what was found, what is allowed and what to do
    """
    for name, experiment in experiments.items():
        for objection in _objections(experiment, tables):
            raise ValueError(f"{name}.yaml: {objection}")


def reads_facts(table: Declaration, tables: Mapping[str, Declaration]) -> bool:
    """Whether a table rests on dated facts, by itself or through the tables that it reads."""
    raw = {fact.asset_key for fact in RAW_FACTS}
    upstream = [schema.asset_key for schema in table.inputs.values()]
    return any(key in raw or (key in tables and reads_facts(tables[key], tables)) for key in upstream)


def _objections(experiment: Experiment, tables: Mapping[str, Declaration]) -> Iterator[str]:
    groups = {group: tables[f"features/{group}"] for group in experiment.features}
    yield from _too_early(experiment, groups, tables)
    yield from _not_normalised(experiment, groups)
    yield from _not_projected(experiment, groups)


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


def _is_sequence(table: Declaration) -> bool:
    return bool(getattr(table.schema, "is_sequence", False))
