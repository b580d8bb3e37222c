"""Served: whether an experiment's stored forecasts are what its saved models say, as evidence its report asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import dagster as dg
import polars as pl

from assets.folds.walk_forward import Fold
from assets.training.forecasts import forecasts
from expectations.decisions import decision_instant
from expectations.forecasts_served import FORECASTS_SERVED, by_model, of_members
from expectations.tables import Calendar, Universe
from models.served import Forecaster
from pipelines.fold_path import Study, fold_panel, tables_read
from pipelines.gate.evidence import EVIDENCE, evidence_table
from pipelines.gate.verdicts import add_verdict
from pipelines.graph import Graph
from pipelines.inputs import whole

EVIDENCE_NAME = "forecasts_served"
STAGE = "served"
MODULES = ("expectations.forecasts_served", "pipelines.fold_path", "assets.training.forecasts", "models.served")


@dataclass(frozen=True)
class Trained:
    """What was trained of an experiment.

    study       the settings and feature groups
    key         prefix of its asset keys
    seeds       of each fold
    forecaster  fold, seed, and what the stored forecasts were made from -> the model that was saved with them
    """

    study: Study
    key: str
    folds: Sequence[Fold]
    seeds: Sequence[int]
    forecaster: Callable[[str, int, str], Forecaster]

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.study.experiment.name


def add_served(graph: Graph, trained: Trained) -> str:
    """Add the evidence and the verdict on the stored forecasts of one experiment; returns the key of the verdict."""
    key = f"{EVIDENCE}{EVIDENCE_NAME}_{trained.name}"
    experiment = trained.study.experiment

    def made(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> pl.DataFrame:
        made_from = graph.versions(context.instance).stamps(f"{trained.key}/forecasts")
        stored = frames["forecasts"].collect()
        universe = members(frames["universe"], experiment.universe.basket)
        found = [_of_members(stored, universe, trained, fold) for fold in trained.folds]
        last = trained.folds[-1]
        session = _within(frames["calendar"], last)
        return pl.concat([*found, _by_model(graph, stored, trained, last, session, made_from[last.key].made_from)])

    graph.add(
        evidence_table(key, FORECASTS_SERVED),
        made,
        key=key,
        description=(
            "The stored forecasts are those of the saved models: one for each member of the test, by every seed.\n\n"
            "The model of the last fold's first seed is read back; what it says without the sessions after a decision "
            "in the midst of the test must be what is stored."
        ),
        modules=MODULES,
        inputs={
            **whole({"forecasts": f"{trained.key}/forecasts"}),
            **whole({"universe": Universe.asset_key, "calendar": Calendar.asset_key}),
        },
        settings=f"{experiment.model_dump_json()} {[fold.key for fold in trained.folds]}",
    )
    return add_verdict(graph, STAGE, [EVIDENCE_NAME], of=trained.name)


def members(universe: pl.LazyFrame, basket: Sequence[str] | None) -> pl.DataFrame:
    """Session and security_id of those that an experiment may forecast."""
    asked = pl.col("is_member") if basket is None else pl.col("is_member") & pl.col("security_id").is_in(list(basket))
    return universe.filter(asked).select("session", "security_id").collect()


def _of_members(stored: pl.DataFrame, universe: pl.DataFrame, trained: Trained, fold: Fold) -> pl.DataFrame:
    tested = pl.col("session").is_between(fold.test_start, fold.test_end, closed="left")
    own = stored.filter(fold=fold.key)
    return of_members(own, universe.filter(tested), trained.seeds, trained.name, fold.key)


def _by_model(
    graph: Graph, stored: pl.DataFrame, trained: Trained, fold: Fold, session: date, made_from: str
) -> pl.DataFrame:
    """The first seed's forecasts of a fold that ended with a session, beside what is stored of it."""
    seed, experiment = trained.seeds[0], trained.study.experiment
    until = replace(fold, test_end=session + timedelta(days=1))
    read = graph.read_of(f"{trained.key}/forecasts", [fold.key])
    panel = fold_panel(trained.study, until, {name: read[key] for name, key in tables_read(trained.study).items()})
    forecaster = trained.forecaster(fold.key, seed, made_from)
    served = forecasts(panel, forecaster, seed, fold.key, experiment.decided_hour)
    instant = decision_instant(session, experiment.decided_hour)
    return by_model(stored.filter(fold=fold.key), served, instant, trained.name, fold.key)


def _within(calendar: pl.LazyFrame, fold: Fold) -> date:
    """The session in the midst of the test window."""
    tested = pl.col("session").is_between(fold.test_start, fold.test_end, closed="left")
    sessions = calendar.filter(tested).select("session").collect()["session"].sort()
    found: date = sessions[len(sessions) // 2]
    return found
