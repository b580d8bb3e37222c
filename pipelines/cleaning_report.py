"""Cleaning report: what every cleaning rule touched, and what a fast model would have shown without it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import dagster as dg
import polars as pl

from assets.cleaning.rules import RULES
from assets.evaluation.cleaning_counts import CleaningCounts, cleaning_counts
from assets.evaluation.cleaning_effect import CleaningEffect, EffectSpec, cleaning_effect
from assets.evaluation.cleaning_page import cleaning_page
from expectations.cleaning_tables import Ledger
from expectations.facts import RAW_FACTS
from expectations.tables import RawBars, Table
from pipelines.experiment import Experiment
from pipelines.graph import Graph
from pipelines.inputs import argument, whole

BY_HAND = "\n\nNot made by itself: it walks a model forward once for each rule. Materialise it when you want to know."


def add_cleaning_report(graph: Graph, experiments: Mapping[str, Experiment], reports: Path) -> None:
    """Add the counts of every rule, and the effect of leaving each out in the windows of the first experiment."""
    graph.add(
        CleaningCounts,
        lambda context, raw, ledger: cleaning_counts(raw.collect(), ledger.collect()),
        description=CleaningCounts.__doc__ or "",
        modules=("assets.evaluation.cleaning_counts",),
        inputs=whole({"raw": RawBars.asset_key, "ledger": Ledger.asset_key}),
    )
    if experiments:
        _add_effect(graph, _spec(experiments[min(experiments)]), reports)


def _spec(experiment: Experiment) -> EffectSpec:
    return EffectSpec(
        walk_forward=experiment.walk_forward,
        trading=experiment.trading,
        horizon=experiment.target.horizon,
        decided_hour=experiment.decided_hour,
    )


def _add_effect(graph: Graph, spec: EffectSpec, reports: Path) -> None:
    raw_tables: tuple[type[Table], ...] = (RawBars, *RAW_FACTS)
    keys = {argument(table.asset_key): table.asset_key for table in raw_tables}

    def make(context: dg.AssetExecutionContext, counts: pl.LazyFrame, **raws: pl.LazyFrame) -> pl.DataFrame:
        raw = {keys[name]: frame.collect() for name, frame in raws.items()}
        number = {rule.name: place for place, rule in enumerate(RULES, start=1)}

        def tell(rule: str) -> None:
            context.log.info(f"rule {number[rule]} of {len(RULES)}: {rule}")

        effect = cleaning_effect(raw, spec, graph.first, graph.last, on_rule=tell)
        place = reports / "cleaning" / "report.html"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(cleaning_page(counts.collect(), effect), encoding="utf-8")
        context.add_output_metadata({"report": dg.MetadataValue.url(place.as_uri()), "rules": len(RULES)})
        return effect

    graph.add(
        CleaningEffect,
        make,
        description=f"{CleaningEffect.__doc__}{BY_HAND}",
        modules=("assets.evaluation.cleaning_effect", "assets.evaluation.cleaning_page"),
        inputs=whole({"counts": CleaningCounts.asset_key, **keys}),
        settings=spec.model_dump_json(),
        by_hand=True,
    )
