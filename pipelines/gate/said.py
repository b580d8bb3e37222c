"""Said: what the gate's verdicts say of the data that was judged, for runs and reports that rest on them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import polars as pl

from expectations.suites.data_docs import SHORT


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


def stages(verdicts: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """One row per stage: stage, passed, expectations, evidence (its hash, short)."""
    columns = ["stage", "passed", "expectations", pl.col("evidence_hash").str.head(SHORT).alias("evidence")]
    return pl.concat([frame.select(columns) for frame in verdicts.values()])


def _digest(content: Mapping[str, str]) -> str:
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=SHORT // 2).hexdigest()
