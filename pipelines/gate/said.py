"""Said: what the gate's verdicts say of the data that was judged, for those who rest on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from expectations.suites.data_docs import SHORT
from pipelines.graph import Graph


def data_versions(verdicts: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Asset -> digest over the content of its partitions, for everything with content that a verdict was judged on."""
    judged: dict[str, Any] = {}
    for frame in verdicts.values():
        judged |= json.loads(frame["judged"][0])
    return {asset: _digest(found["content"]) for asset, found in sorted(judged.items()) if found["content"]}


def data_version(verdicts: Mapping[str, pl.DataFrame]) -> str:
    """One short digest of all the raw tables that were judged."""
    return _digest({asset: found for asset, found in data_versions(verdicts).items() if asset.startswith("raw/")})


def verdict_tags(verdicts: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """Tags of a run: each stage's verdict and evidence hash, the data version, and the version of each judged asset."""
    tags = {"data_version": data_version(verdicts)}
    tags |= {f"data.{asset}": version for asset, version in data_versions(verdicts).items()}
    for gate, frame in verdicts.items():
        row = frame.row(0, named=True)
        name = gate.replace("/", ".")
        tags |= {name: "passed" if row["passed"] else "failed", f"{name}.evidence": row["evidence_hash"]}
    return tags


def first_of_each(failures: str) -> list[str]:
    """Of the lines of a failed verdict the first for each check, table and column; others tell of later decisions."""
    found: dict[str, str] = {}
    for line in failures.splitlines():
        found.setdefault(line.split(", decided_at", maxsplit=1)[0], line)
    return list(found.values())


def failed_verdicts(graph: Graph) -> dict[str, list[str]]:
    """Key of each stored verdict that blocks and failed -> its telling lines."""
    blocking = [spec.asset_key for asset in graph.assets for spec in asset.check_specs if spec.blocking]
    found: dict[str, list[str]] = {}
    for key in (asset_key.to_user_string() for asset_key in blocking):
        if graph.warehouse.stored(key):
            row = graph.warehouse.read(key).collect().row(0, named=True)
            if not row["passed"]:
                found[key] = first_of_each(str(row["failures"]))
    return found


def stages(verdicts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per stage: stage, passed, expectations, evidence (its hash, short)."""
    columns = ["stage", "passed", "expectations", pl.col("evidence_hash").str.head(SHORT).alias("evidence")]
    return pl.concat([frame.select(columns) for frame in verdicts.values()])


def _digest(content: Mapping[str, str]) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=SHORT // 2).hexdigest()
