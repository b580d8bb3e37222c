"""Verdicts: the evidence of a stage judged, the verdict kept as an asset, and asked for before training.

Training and report take the verdicts as input and refuse unless they passed for exactly the versions that they read, so
that a failed check stops later runs too and not only its own.
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import dagster as dg
import polars as pl

from expectations.suites.verdict import judge
from expectations.tables import GateVerdict
from pipelines.gate.evidence import EVIDENCE
from pipelines.graph import Graph
from pipelines.lineage import Versions
from pipelines.reach import Every

CHECK = "passed"
MARKET_STAGES = ("raw", "cleaning", "features", "targets")


class GateRefusal(dg.Failure):
    """Raised where the gate has not passed for what was about to be read."""


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


def add_verdict(graph: Graph, stage: str, names: Sequence[str], *, blocking: bool = True) -> str:
    """Add the verdict of a stage over the evidence of the given names; returns its key.

    blocking  False where a failure warns: its check stops no run, and nothing asks for its verdict
    """
    key = f"gate/{stage}"
    evidence = {name: f"{EVIDENCE}{name}" for name in names}
    nodes = graph.lineage.nodes
    judged = sorted({edge.upstream for upstream in evidence.values() for edge in nodes[upstream].edges})
    graph.add(
        GateVerdict,
        partial(_verdict, graph, stage, evidence, blocking),
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
        checks=[dg.AssetCheckSpec(name=CHECK, asset=key.split("/"), blocking=blocking, description="the stage passed")],
    )
    return key


def _verdict(
    graph: Graph,
    stage: str,
    evidence: Mapping[str, str],
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
