"""Serving: the champion's list after each session, issued once, and the lists before it scored again."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from datetime import date

import dagster as dg
import polars as pl

from assets.evaluation.information import seed_averaged
from assets.serving.reasons import moved_by
from assets.serving.rescored import Rescored, changes, rescored
from assets.serving.signals import Signals, arrived, in_words, joined, orders_after, signals
from assets.training.forecasts import forecasts
from expectations.tables import Bars, ForwardReturns, Universe
from models.served import Forecaster
from pipelines.champion import Champion, Market, champion_of
from pipelines.experiment_assets import Walk
from pipelines.gate import GateRefusal
from pipelines.gate.said import failed_verdicts
from pipelines.graph import Graph
from pipelines.inputs import Read, whole_by_key
from pipelines.issued import Issued
from pipelines.report_assets import told

AGAIN = 5
"""So many lists before the last are scored again: facts of a week ago may still be corrected."""
SAME = "same_as_issued"
MODULES = ("assets.serving.signals", "assets.serving.reasons", "assets.serving.rescored", "pipelines.champion")


def add_serving(graph: Graph, walks: Mapping[str, Walk], issued: Issued) -> None:
    """Add the newest list, which is issued where it is made first, and what became of the lists before it."""
    horizons = sorted({walk.experiment.target.horizon for walk in walks.values()})
    market = Market(graph)

    def make(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> pl.DataFrame:
        if failed := failed_verdicts(graph):
            raise GateRefusal(f"{Signals.asset_key} refuses to run: {', '.join(failed)} failed. Correct what is named.")
        sessions = arrived(market.read(Bars.asset_key))
        newest = []
        for horizon in horizons:
            champion = champion_of(walks, horizon)
            if champion is None:
                context.log.info(f"horizon {horizon}: no champion is seated, so there is no list")
                continue
            due = issued.due(sessions, horizon)
            lists = {session: list_of(market, champion, session) for session in {*due, sessions[-1]}}
            for session in due:
                sheet = issued.issue(lists[session], champion.runs, market.fingerprint(champion.walk, session))
                context.log.info(f"issued {sheet}")
                context.add_output_metadata({f"list of horizon {horizon}": dg.MetadataValue.path(str(sheet))})
            newest.append(lists[sessions[-1]])
        context.add_output_metadata(_said(market, sessions))
        return joined(newest)

    graph.add(
        Signals,
        make,
        description=Signals.__doc__ or "",
        modules=(*MODULES, "pipelines.serving", "pipelines.issued"),
        inputs=_read(walks),
        as_stored=True,
        kinds=("polars", "mlflow"),
    )
    add_rescored(graph, walks, issued)


def add_rescored(graph: Graph, walks: Mapping[str, Walk], issued: Issued) -> None:
    """Add the newest lists scored again, with the check that nothing differs."""
    market = Market(graph)

    def make(
        context: dg.AssetExecutionContext, **frames: pl.LazyFrame
    ) -> Generator[dg.AssetCheckResult, None, pl.DataFrame]:
        found = [_again(market, walks, issued, session, horizon) for session, horizon in issued.newest(AGAIN + 1)]
        table = pl.concat([Rescored.create_empty(), *found], how="diagonal_relaxed")
        differ = table.filter(~pl.col("is_same"))
        told = differ["explanation"].unique(maintain_order=True).to_list()
        yield dg.AssetCheckResult(
            check_name=SAME,
            passed=differ.is_empty(),
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"names that differ": differ.height, "explained by": told or "nothing differs"},
        )
        return Rescored.validate(table, cast=True)

    key = Rescored.asset_key
    graph.add(
        Rescored,
        make,
        description=Rescored.__doc__ or "",
        modules=(*MODULES, "pipelines.serving", "pipelines.issued"),
        inputs={**_read(walks), **whole_by_key([Signals.asset_key])},
        checks=[dg.AssetCheckSpec(SAME, asset=key.split("/"), description="Would the issued lists be the same today?")],
        as_stored=True,
    )


def list_of(market: Market, champion: Champion, session: date) -> pl.DataFrame:
    """The rows of `Signals` of one session, made of nothing later."""
    walk, experiment = champion.walk, champion.walk.experiment
    models = champion.forecasters()
    stored = market.read(f"{walk.key}/forecasts").filter(pl.col("segment") == "test", pl.col("session") < session)
    known = stored.collect()
    since, days = known["session"].max() or date.fromisoformat(champion.fold), market.sessions()
    gap = days.filter((days > since) & (days < session))
    between = [scored(market, champion, models, gap[0], gap[-1])] if len(gap) else []
    own = scored(market, champion, models, session, session)
    history = pl.concat([known, *between, own])
    bars, universe = (market.read(key).collect() for key in (Bars.asset_key, Universe.asset_key))
    orders = orders_after(session, told(experiment, history, "test"), bars, universe, experiment.trading)
    first = next(iter(models.values()))
    reasons = in_words(moved_by(market.panel(walk, session, session), first))
    if experiment.universe.basket is not None:
        universe = universe.filter(pl.col("security_id").is_in(experiment.universe.basket))
    made = signals(session, own, orders, reasons, universe)
    return made.with_columns(
        horizon=pl.lit(experiment.target.horizon, pl.Int64),
        experiment=pl.lit(experiment.name),
        fold=pl.lit(champion.fold),
    )


def scored(
    market: Market, champion: Champion, models: Mapping[int, Forecaster], first: date, last: date
) -> pl.DataFrame:
    """What the models say of some sessions: rows of `Forecasts`.

    A session that is asked for alone has a batch of its own, so that the same comes again to the last bit.
    """
    panel, hour = market.panel(champion.walk, first, last), champion.walk.experiment.decided_hour
    return pl.concat([forecasts(panel, model, seed, champion.fold, hour) for seed, model in models.items()])


def _again(market: Market, walks: Mapping[str, Walk], issued: Issued, session: date, horizon: int) -> pl.DataFrame:
    """An issued list beside what its own models say now; no rows where its experiment is asked no more."""
    then, before, runs = issued.read(session, horizon)
    walk = walks.get(then["experiment"][0])
    if walk is None:
        return Rescored.create_empty()
    champion = Champion(walk, then["fold"][0], runs)
    now = seed_averaged(scored(market, champion, champion.forecasters(), session, session))
    changed = changes(before, market.fingerprint(walk, session))
    listed = then.filter(pl.col("forecast").is_not_null())
    return rescored(listed, now, changed).with_columns(horizon=pl.lit(horizon, pl.Int64))


def _read(walks: Mapping[str, Walk]) -> dict[str, Read]:
    """Everything that a list may be made of; the promotions say whose."""
    tables = {key for walk in walks.values() for key in walk.tables.values()} - {ForwardReturns.asset_key}
    own = {f"{walk.key}/forecasts" for walk in walks.values()}
    return whole_by_key(sorted(tables | own | {Bars.asset_key, "evaluation/promotions"}))


def _said(market: Market, sessions: Sequence[date]) -> dict[str, str]:
    """What the UI shows: the session of the list, and one whose bars are still arriving."""
    newest = market.sessions()[-1]
    waits = f"; {newest} waits for the rest of its bars" if newest > sessions[-1] else ""
    return {"newest session": f"{sessions[-1]}{waits}"}
