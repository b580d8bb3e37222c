"""Verdicts: the evidence of a stage judged, the verdict kept as an asset, and asked for before training.

Training and report take the verdicts as input and refuse unless they passed for exactly the versions that they read, so
that a failed check stops later runs too and not only its own.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from expectations.suites.verdict import judge
from expectations.tables import GateVerdict
from pipelines.gate.data_docs import links
from pipelines.gate.evidence import EVIDENCE
from pipelines.gate.said import first_of_each
from pipelines.graph import Graph
from pipelines.inputs import whole, whole_by_key
from pipelines.lineage import Versions

CHECK = "passed"
MARKET_STAGES = ("raw", "cleaning", "features", "targets")


class GateRefusal(dg.Failure):
    """Raised where the gate has not passed for what was about to be read."""


def require(verdicts: Mapping[str, pl.DataFrame], versions: Versions, key: str, partition: str | None) -> None:
    """Refuse unless every verdict passed for exactly the code and content that a partition of `key` is about to read.

    The evidence must also be of today's code and experiments: what an experiment asks anew was not judged before.

    raises  GateRefusal naming the check, and what to materialise
    """
    found: dict[str, dict[str, Any]] = {}
    for gate, frame in verdicts.items():
        row = frame.row(0, named=True)
        if not row["passed"]:
            told = "\n".join(first_of_each(str(row["failures"])))
            raise GateRefusal(
                f"{key} {partition or ''} refuses to run: the check '{CHECK}' of {gate} failed: {told}\n"
                f"Correct what it names (the code of a table stands under its key in assets/) and materialise {gate} "
                "again."
            )
        found[gate] = json.loads(row["judged"])
        for edge in versions.lineage.nodes[gate].edges:
            code = versions.lineage.nodes[edge.upstream].code_version
            if edge.upstream.startswith(EVIDENCE) and found[gate].get(edge.upstream, {}).get("code") != code:
                raise GateRefusal(
                    f"{key} {partition or ''} refuses to run: {gate} was judged on {edge.upstream} of other code or "
                    f"other experiments. Materialise {edge.upstream} and {gate}, then this again."
                )
    for upstream, part, counts in versions.lineage.upstream(key, partition):
        # Evidence was asked for by its code above.
        if not counts or upstream.startswith(EVIDENCE):
            continue
        # Each verdict that looks at an asset must have seen this version: one that did does not speak for another.
        looking = [gate for gate in verdicts if upstream in _looked_at(versions, gate)]
        asked = looking or [gate for gate in verdicts if upstream in found[gate]]
        stale = [gate for gate in asked if not _is_current(found[gate].get(upstream, {}), versions, upstream, part)]
        if stale or (not asked and upstream.split("/")[0] in MARKET_STAGES):
            raise GateRefusal(
                f"{key} {partition or ''} refuses to run: {upstream} {part or ''} is another version than the gate "
                f"judged. Materialise {', '.join(stale or verdicts)} and what they read, then this again."
            )


def _looked_at(versions: Versions, gate: str) -> set[str]:
    return {edge.upstream for edge in versions.lineage.nodes[gate].edges}


def _is_current(judged: Mapping[str, Any], versions: Versions, upstream: str, part: str | None) -> bool:
    """Whether a verdict judged the code and the content that a partition has now."""
    stamp, code = versions.stamps(upstream).get(part), versions.lineage.nodes[upstream].code_version
    return (
        stamp is not None and judged.get("code") == code and judged.get("content", {}).get(str(part)) == stamp.content
    )


def add_verdict(
    graph: Graph, stage: str, names: Sequence[str], pages: Path | None = None, *, blocking: bool = True, of: str = ""
) -> str:
    """Add the verdict of a stage over the evidence of the given names; returns its key.

    pages     folder of the Data Docs, to which the check links
    of            experiment to which evidence and verdict belong, where each has its own
    blocking  False where a failure warns: its check stops no run, and nothing asks for its verdict
    """
    own = f"_{of}" if of else ""
    key = f"gate/{stage}{own}"
    evidence = {name: f"{EVIDENCE}{name}{own}" for name in names}
    nodes = graph.lineage.nodes
    judged = sorted({edge.upstream for upstream in evidence.values() for edge in nodes[upstream].edges})
    graph.add(
        GateVerdict,
        partial(_verdict, graph, stage, evidence, pages, blocking),
        key=key,
        description=(
            f"{GateVerdict.__doc__}\n\nStage '{stage}'{of and f' of {of}'}: {', '.join(names)}, judged by Great "
            "Expectations."
        ),
        modules=["expectations.suites.verdict"],
        # A verdict names the versions that it judged: it is given anew when one of them changes, also where the
        # evidence comes out the same.
        inputs={
            **whole(evidence),
            **whole_by_key(judged),
        },
        settings=" ".join(nodes[upstream].code_version for upstream in (*evidence.values(), *judged)),
        kinds=("greatexpectations",),
        checks=[dg.AssetCheckSpec(name=CHECK, asset=key.split("/"), blocking=blocking, description="the stage passed")],
    )
    return key


def _verdict(
    graph: Graph,
    stage: str,
    evidence: Mapping[str, str],
    pages: Path | None,
    blocking: bool,
    context: dg.AssetExecutionContext,
    **frames: pl.LazyFrame,
) -> Generator[dg.AssetCheckResult, None, pl.DataFrame]:
    """Judge, tell the check, and return the verdict with the versions that its evidence was made of."""
    versions = graph.versions(context.instance)
    found = judge(stage, {name: frames[name].collect() for name in evidence})
    context.log.info(f"{stage}: {found.expectations} expectations, {'passed' if found.passed else 'FAILED'}")
    yield dg.AssetCheckResult(
        passed=found.passed,
        asset_key=context.asset_key,
        check_name=CHECK,
        severity=dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN,
        metadata={
            "failures": dg.MetadataValue.md("\n".join(f"- {text}" for text in found.failures) or "none"),
            "expectations": found.expectations,
            "evidence_hash": found.evidence_hash,
            **(links(pages) if pages else {}),
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
            "results": [found.results],
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
