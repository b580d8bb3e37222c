"""Gate section: what the gate said of everything a report rests on, for the head of its page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

import polars as pl

COLUMNS = ("stage", "passed", "expectations", "evidence")


@dataclass(frozen=True)
class Gate:
    """The verdicts that a report rests on.

    stages        stage, passed, expectations, evidence (its hash, short): one row per stage
    data_version  digest of the raw tables that were judged
    evidence      rows of FUTURE_PERTURBATION
    data_docs     address of the pages that show every expectation, as seen from the report
    """

    stages: pl.DataFrame
    data_version: str
    evidence: pl.DataFrame
    data_docs: str

    @property
    def passed(self) -> bool:
        """Whether every stage passed, and there was one."""
        return self.stages.height > 0 and bool(self.stages["passed"].all())


def gate_header(gate: Gate) -> str:
    """The line at the head of a report: verdict, stages and expectations, data version, the way to the Data Docs."""
    word = "passed" if gate.passed else "failed"
    failed = gate.stages.filter(~pl.col("passed"))["stage"].to_list()
    which = f"; failed: {', '.join(failed)}" if failed else ""
    count = int(gate.stages["expectations"].sum())
    return (
        f"<div class='gate {word}'><p><b>Gate {word}.</b> {count} expectations in {gate.stages.height} stages"
        f"{escape(which)}, judged for exactly the versions read here; data version "
        f"<code>{escape(gate.data_version)}</code>. <a href='{escape(gate.data_docs, quote=True)}'>Every expectation "
        f"in words (Data Docs)</a></p><p class=stages>{' &middot; '.join(_stages(gate))}</p></div>"
    )


def _stages(gate: Gate) -> Iterator[str]:
    """Each stage with its verdict, its expectations and the hash of its evidence."""
    for stage, passed, expectations, evidence in gate.stages.select(COLUMNS).iter_rows():
        word = "" if passed else " FAILED,"
        yield f"<b>{escape(stage)}</b>{word} {expectations}, evidence <code>{escape(evidence)}</code>"
