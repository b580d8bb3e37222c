"""Gate: expectations bound to the asset graph; evidence is made, judged, kept, and asked for before training.

The verdict is an asset. Training and report take it as input and refuse unless it passed for exactly the versions
that they read, so that a failed check stops later runs too and not only its own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from assets.folds.walk_forward import folds, segments
from assets.table import Declaration
from expectations import evidence as columns_of
from expectations.completeness import counts
from expectations.decisions import DECIDED_HOUR, decisions
from expectations.facts import RAW_FACTS
from expectations.knowledge import knowledge_cutoff
from expectations.leakage import execution, future_perturbation, purge, timestamp_order
from expectations.suites.verdict import judge
from expectations.tables import Bars, Calendar, ForwardReturns, GateVerdict, RawBars, RefusedBars, Table, instant
from pipelines.experiment import Experiment
from pipelines.graph import Graph
from pipelines.lineage import Versions
from pipelines.reach import Every, Reach

CHECK = "passed"
EVIDENCE = "gate/evidence_"
DECISIONS = 8
MARKET_STAGES = ("raw", "cleaning", "features", "targets")
SEED = 0

Read = tuple[str, Reach, bool]
Frames = Mapping[str, pl.DataFrame]


class GateRefusal(dg.Failure):
    """Raised where the gate has not passed for what was about to be read."""


def add_gates(
    graph: Graph, tables: Mapping[str, Declaration], experiments: Mapping[str, Experiment]
) -> tuple[str, ...]:
    """Add the evidence and the verdict of every stage; returns the keys of the verdicts."""
    hours = {experiment.decided_hour for experiment in experiments.values()} or {DECIDED_HOUR}
    _add_data(graph)
    _add_leakage(graph, tables, min(hours))
    _add_purge(graph, experiments)
    _add_knowledge(graph, tables, experiments)
    return tuple(_add_verdict(graph, stage, names) for stage, names in STAGES.items())


STAGES: Mapping[str, tuple[str, ...]] = {
    "data": ("counts",),
    "leakage": ("future_perturbation", "timestamp_order", "execution"),
    "purge": ("purge",),
    "knowledge": ("knowledge_cutoff",),
}


def compose(tables: Mapping[str, Declaration]) -> Callable[[Frames], dict[str, pl.DataFrame]]:
    """The declared functions one after another, in memory: raw tables to every table that has one row per key.

    tables  in an order in which each comes after those it reads; a raw table that is not given has no rows
    """
    keyed = [key for key, table in tables.items() if table.schema.primary_key()]
    needed = _read_by(keyed, tables)

    def replay(raw: Frames) -> dict[str, pl.DataFrame]:
        made: dict[str, pl.DataFrame] = {table.asset_key: table.create_empty() for table in RAW_FACTS}
        made |= raw
        for key, table in needed.items():
            frames = {name: made[schema.asset_key].lazy() for name, schema in table.inputs.items()}
            made[key] = table.function(**frames).collect()
        return {key: made[key] for key in keyed}

    return replay


def _read_by(keys: Iterable[str], tables: Mapping[str, Declaration]) -> dict[str, Declaration]:
    """The tables of the given keys and all that these read, in the order of `tables`."""
    needed: set[str] = set()
    waiting = list(keys)
    while waiting:
        key = waiting.pop()
        if key in tables and key not in needed:
            needed.add(key)
            waiting += [schema.asset_key for schema in tables[key].inputs.values()]
    return {key: table for key, table in tables.items() if key in needed}


def require(verdicts: Mapping[str, pl.DataFrame], versions: Versions, key: str, partition: str | None) -> None:
    """Refuse unless every verdict passed for exactly the code and content that a partition of `key` is about to read.

    The evidence must also be of today's code and experiments: what an experiment asks anew was not judged before.

    raises  GateRefusal naming the check, and what to materialise
    """
    judged: dict[str, Any] = {}
    for gate, frame in verdicts.items():
        row = frame.row(0, named=True)
        if not row["passed"]:
            raise GateRefusal(
                f"{key} {partition or ''} refuses to run: the check '{CHECK}' of {gate} failed: {row['failures']} "
                f"Correct what it names and materialise {gate} again."
            )
        judged |= json.loads(row["judged"])
        for edge in versions.lineage.nodes[gate].edges:
            code = versions.lineage.nodes[edge.upstream].code_version
            if edge.upstream.startswith(EVIDENCE) and judged.get(edge.upstream, {}).get("code") != code:
                raise GateRefusal(
                    f"{key} {partition or ''} refuses to run: {gate} was judged on {edge.upstream} of other code or "
                    f"other experiments. Materialise {edge.upstream} and {gate}, then this again."
                )
    for upstream, part, counts_ in versions.lineage.upstream(key, partition):
        if not counts_ or upstream.split("/")[0] not in MARKET_STAGES:
            continue
        stamp = versions.stamps(upstream).get(part)
        known = judged.get(upstream, {})
        code = versions.lineage.nodes[upstream].code_version
        if stamp is None or known.get("code") != code or known.get("content", {}).get(str(part)) != stamp.content:
            raise GateRefusal(
                f"{key} {partition or ''} refuses to run: {upstream} {part or ''} is another version than the gate "
                f"judged. Materialise {', '.join(verdicts)} and what they read, then this again."
            )


def _add_evidence(
    graph: Graph,
    name: str,
    make: Callable[..., pl.DataFrame],
    inputs: Mapping[str, Read],
    modules: Sequence[str],
    settings: str = "",
) -> None:
    key = f"{EVIDENCE}{name}"
    schema = evidence_table(key, getattr(columns_of, name.upper()))
    graph.add(
        schema,
        lambda context, **frames: make(**frames),
        description=f"{schema.__doc__}\n\n{make.__doc__ or ''}",
        modules=modules,
        inputs=inputs,
        settings=settings,
    )


def _add_data(graph: Graph) -> None:
    def reconcile(raw: pl.LazyFrame, bars: pl.LazyFrame, refused: pl.LazyFrame) -> pl.DataFrame:
        """By month: raw = kept + refused, the share refused, and the sessions found."""
        return counts(raw.collect(), bars.collect(), refused.collect())

    inputs = {
        name: (s.asset_key, Every(), True) for name, s in (("raw", RawBars), ("bars", Bars), ("refused", RefusedBars))
    }
    _add_evidence(graph, "counts", reconcile, inputs, ["expectations.completeness"])


def _add_leakage(graph: Graph, tables: Mapping[str, Declaration], hour: int) -> None:
    replay = compose(tables)
    read = {schema.asset_key for table in tables.values() for schema in table.inputs.values()}
    facts = [table.asset_key for table in RAW_FACTS if table.asset_key in read]
    targets = frozenset(key for key, table in tables.items() if table.sees_later)

    def perturb(raw: pl.LazyFrame, calendar: pl.LazyFrame, **judged: pl.LazyFrame) -> pl.DataFrame:
        """The future of the raw tables is replaced after several decisions; nothing known at them may change."""
        sessions = calendar.collect()["session"].to_list()
        instants = decisions(sessions, DECISIONS, SEED, hour)
        frames = {RawBars.asset_key: raw.collect()}
        frames |= {key: judged.pop(key.replace("/", "_")).collect() for key in facts}
        return future_perturbation(replay, frames, instants, targets, SEED)

    judged = {key.replace("/", "_"): (key, Every(), True) for key in (*tables, *facts) if key != Calendar.asset_key}
    inputs = {"raw": (RawBars.asset_key, Every(), True), "calendar": (Calendar.asset_key, Every(), True), **judged}
    modules = ["expectations.leakage", *(table.function.__module__ for table in tables.values())]
    _add_evidence(graph, "future_perturbation", perturb, inputs, modules, settings=f"{DECISIONS} {SEED} {hour}")

    def order(bars: pl.LazyFrame) -> pl.DataFrame:
        """By session: the last row was available no later than the decision."""
        return timestamp_order(bars.collect(), hour)

    _add_evidence(
        graph, "timestamp_order", order, {"bars": (Bars.asset_key, Every(), True)}, ["expectations.leakage"], str(hour)
    )

    def fills(labels: pl.LazyFrame, bars: pl.LazyFrame) -> pl.DataFrame:
        """By rule of execution: how many labels could not have been traded as they say."""
        return execution(labels.collect(), bars.collect())

    inputs = {"labels": (ForwardReturns.asset_key, Every(), True), "bars": (Bars.asset_key, Every(), True)}
    _add_evidence(graph, "execution", fills, inputs, ["expectations.leakage"])


def _add_purge(graph: Graph, experiments: Mapping[str, Experiment]) -> None:
    def separate(labels: pl.LazyFrame) -> pl.DataFrame:
        """By fold and boundary: the last exit before it and the first decision after it."""
        found = [_purge_of(labels, experiment, graph) for experiment in _distinct(experiments)]
        return pl.concat(found) if found else columns_of.PURGE.to_frame()

    inputs = {"labels": (ForwardReturns.asset_key, Every(), True)}
    settings = json.dumps([e.walk_forward.model_dump_json() for e in experiments.values()])
    _add_evidence(graph, "purge", separate, inputs, ["expectations.leakage", "assets.folds.walk_forward"], settings)


def _distinct(experiments: Mapping[str, Experiment]) -> list[Experiment]:
    """One experiment for each set of windows, horizon and hour."""
    return list({(e.walk_forward, e.target.horizon, e.decided_hour): e for e in experiments.values()}.values())


def _purge_of(labels: pl.LazyFrame, experiment: Experiment, graph: Graph) -> pl.DataFrame:
    frame = labels.filter(pl.col("horizon") == experiment.target.horizon).collect()
    hour = experiment.decided_hour
    return pl.concat(
        purge(segments(frame, fold, hour), fold, hour)
        for fold in folds(experiment.walk_forward, graph.first, graph.last)
    )


def _add_knowledge(graph: Graph, tables: Mapping[str, Declaration], experiments: Mapping[str, Experiment]) -> None:
    asked = {
        name: {group: tables[f"features/{group}"].knowledge_cutoff for group in experiment.features}
        for name, experiment in experiments.items()
    }

    def outside() -> pl.DataFrame:
        """By experiment, feature group and fold: the last day that the group may know of lies before the test."""
        found = [
            knowledge_cutoff(name, groups, folds(experiments[name].walk_forward, graph.first, graph.last))
            for name, groups in asked.items()
        ]
        return pl.concat(found) if found else columns_of.KNOWLEDGE_CUTOFF.to_frame()

    windows = {name: experiment.walk_forward.model_dump_json() for name, experiment in experiments.items()}
    settings = json.dumps([windows, asked], default=str)
    _add_evidence(
        graph, "knowledge_cutoff", outside, {}, ["expectations.knowledge", "assets.folds.walk_forward"], settings
    )


def _add_verdict(graph: Graph, stage: str, names: Sequence[str]) -> str:
    key = f"gate/{stage}"
    evidence = {name: f"{EVIDENCE}{name}" for name in names}
    nodes = graph.lineage.nodes
    judged = sorted({edge.upstream for upstream in evidence.values() for edge in nodes[upstream].edges})
    graph.add(
        GateVerdict,
        partial(_verdict, graph, stage, evidence),
        key=key,
        description=f"{GateVerdict.__doc__}\n\nStage '{stage}': {', '.join(names)}, judged by Great Expectations.",
        modules=["expectations.suites.verdict"],
        # A verdict names the versions that it judged: it is given anew when one of them changes, also where the
        # evidence comes out the same.
        inputs={
            **{name: (upstream, Every(), True) for name, upstream in evidence.items()},
            **{upstream.replace("/", "_"): (upstream, Every(), True) for upstream in judged},
        },
        settings=" ".join(nodes[upstream].code_version for upstream in (*evidence.values(), *judged)),
        checks=[dg.AssetCheckSpec(name=CHECK, asset=key.split("/"), blocking=True, description="the stage passed")],
    )
    return key


def _verdict(
    graph: Graph, stage: str, evidence: Mapping[str, str], context: dg.AssetExecutionContext, **frames: pl.LazyFrame
) -> Generator[dg.AssetCheckResult, None, pl.DataFrame]:
    """Judge, tell the check, and return the verdict with the versions that its evidence was made of."""
    versions = graph.versions(context.instance)
    found = judge(stage, {name: frames[name].collect() for name in evidence})
    context.log.info(f"{stage}: {found.expectations} expectations, {'passed' if found.passed else 'FAILED'}")
    yield dg.AssetCheckResult(
        passed=found.passed,
        asset_key=context.asset_key,
        check_name=CHECK,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "failures": dg.MetadataValue.md("\n".join(f"- {text}" for text in found.failures) or "none"),
            "expectations": found.expectations,
            "evidence_hash": found.evidence_hash,
        },
    )
    return pl.DataFrame(
        {
            "stage": [stage],
            "passed": [found.passed],
            "failures": ["\n".join(found.failures)],
            "expectations": pl.Series([found.expectations], dtype=pl.Int32),
            "evidence_hash": [found.evidence_hash],
            "judged": [json.dumps(_judged(versions, evidence.values()), sort_keys=True)],
        }
    )


def _judged(versions: Versions, evidence: Iterable[str]) -> dict[str, Any]:
    """Code of the evidence, code and content of everything it was made of; nothing where it is out of date."""
    judged: dict[str, Any] = {}
    for key in evidence:
        if versions.is_outdated(key, None):
            continue
        judged[key] = {"code": versions.lineage.nodes[key].code_version, "content": {}}
        for upstream, part, _ in versions.lineage.upstream(key, None):
            known = judged.setdefault(upstream, {"code": versions.lineage.nodes[upstream].code_version, "content": {}})
            known["content"][str(part)] = versions.stamps(upstream)[part].content
    return judged


def evidence_table(key: str, schema: pl.Schema) -> type[Table]:
    """A table of the warehouse for evidence with these columns."""
    kinds: dict[object, Callable[..., Any]] = {
        pl.String: dy.String,
        pl.Int64: dy.Int64,
        pl.Float64: partial(dy.Float64, allow_inf=True, allow_nan=True),
        pl.Boolean: dy.Bool,
        pl.Date: dy.Date,
    }
    columns = {
        name: instant(name, nullable=True) if dtype == pl.Datetime else kinds[dtype.base_type()](nullable=True)
        for name, dtype in schema.items()
    }
    return type("Evidence", (Table,), {"asset_key": key, "__doc__": "Evidence on which the gate judges.", **columns})
