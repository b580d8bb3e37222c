"""Cleaning ledger: do the rules account for every row, look at nothing later, and what does each of them change?

On the real bars every raw row must be found again as kept, masked or refused, for each rule, and every changed cell in
the ledger. Each rule must stay as it was when everything after an instant is rewritten, also in the other names; that
is asked of bars in which faults of every kind were planted, so that no rule passes because it never fired. Then each
rule is turned about, one at a time, and a fast model is walked forward without it.

KINDLING_SHARED names the folder that holds data/ashare_2012_2018; it is ../shared by default.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path

import polars as pl

from assets.cleaning.reconciliation import reconciled, unexplained_cells
from assets.cleaning.rules import RULES
from assets.cleaning.rules.rule import Rule
from assets.cleaning.undo import Cleaning, clean
from assets.evaluation.cleaning_counts import cleaning_counts
from assets.evaluation.cleaning_effect import EffectSpec, cleaning_effect
from assets.evaluation.cleaning_pictures import effect_of_rules, shares_by_year
from assets.evaluation.trading import TradingSpec
from assets.folds.walk_forward import WalkForwardSpec
from assets.sources.files import FilesSpec
from benchmarks.damage import damaged
from benchmarks.outcome import Demand, end, not_possible, options
from benchmarks.shared import SHARED
from benchmarks.whole_replay import whole_replay
from expectations.decisions import decisions
from expectations.tables import RawBars

FOLDER = "data/ashare_2012_2018"
PICTURES = Path(".kindling") / "benchmarks"
INSTANTS = 4
WINDOWS = WalkForwardSpec(first_test=date(2015, 7, 1), train="36mo", valid="6mo", test="6mo")
SPEC = EffectSpec(walk_forward=WINDOWS, trading=TradingSpec(top_k=20, hold_sessions=5, capital=10_000_000))

Frames = Mapping[str, pl.DataFrame]


def main() -> int:
    """Clean, reconcile, perturb, turn every rule about; print the tables and say what was reached."""
    options(str(__doc__))
    folder = SHARED / FOLDER
    if not folder.exists():
        return not_possible(f"{folder} is absent; KINDLING_SHARED may name the folder that holds {FOLDER}")
    source = FilesSpec(folder=folder)
    raw = {RawBars.asset_key: source.read(RawBars, source.first_session(), source.last_session())}
    began = time.monotonic()
    cleaning = clean(raw)
    seconds = time.monotonic() - began
    counts = cleaning_counts(raw[RawBars.asset_key], cleaning.ledger)
    unreconciled = _reconcile(raw[RawBars.asset_key], cleaning)
    planted = damaged(raw[RawBars.asset_key], seed=0)
    in_damage = _reconcile(planted[RawBars.asset_key], clean(planted))
    evidence = causality(planted, RULES)
    effect = cleaning_effect(raw, SPEC, source.first_session(), source.last_session())
    _show(counts, evidence, effect)
    for name, png in (("shares", shares_by_year(counts)), ("effect", effect_of_rules(effect))):
        PICTURES.mkdir(parents=True, exist_ok=True)
        (PICTURES / f"cleaning_{name}.png").write_bytes(png)
    figures = {
        "unreconciled_rows": unreconciled + in_damage,
        "rules": len(RULES),
        "rules_not_causal": evidence.filter(~pl.col("causal")).height,
        "rules_without_evidence": evidence.filter(pl.col("rows_compared") == 0).height,
        "rows": raw[RawBars.asset_key].height,
        "ledger_rows": cleaning.ledger.height,
        "seconds_to_clean": round(seconds, 1),
    }
    demands = [
        Demand("unreconciled_rows", 0, at_least=False),
        Demand("rules_not_causal", 0, at_least=False),
        Demand("rules_without_evidence", 0, at_least=False),
        Demand("rules", 16, at_least=True),
    ]
    return end(figures, demands)


def by_rule(raw: Frames, rules: Sequence[Rule]) -> dict[str, pl.DataFrame]:
    """What the ledger says by rule, one row for each session and security; rows without a date have no past."""
    ledger = clean(raw, rules).ledger.filter(pl.col("session").is_not_null())
    told = [pl.col(name).fill_null("").str.join("|") for name in ("column", "before", "after", "reason")]
    grouped = ledger.group_by("rule", "session", "security_id", maintain_order=True).agg(*told, entries=pl.len())
    return {f"rule/{rule.name}": grouped.filter(pl.col("rule") == rule.name).drop("rule") for rule in rules}


def causality(raw: Frames, rules: Sequence[Rule], instants: int = INSTANTS, seed: int = 0) -> pl.DataFrame:
    """By rule, whether its past stayed the same to the last character when every later row of the raw tables changed.

    returns  rule, causal, rows_compared (over all instants), first_example of what moved
    """
    sessions = clean(raw, rules).calendar["session"].to_list()
    at = decisions(sessions, instants, seed)
    found = whole_replay(lambda frames: by_rule(frames, rules), raw, at, frozenset(), seed)
    whole = found.with_columns(rule=pl.col("table").str.strip_prefix("rule/")).group_by("rule", maintain_order=True)
    return whole.agg(
        causal=pl.col("passed").all(),
        rows_compared=pl.col("rows_compared").filter(pl.col("column") == "(rows)").sum(),
        first_example=pl.col("first_example").drop_nulls().first(),
    )


def _reconcile(raw: pl.DataFrame, cleaning: Cleaning) -> int:
    """Rows and cells that are not accounted for, of one market; prints the table of the rules."""
    found = reconciled(raw, cleaning.ledger, cleaning.rules)
    kept, refused = cleaning.bars.height, cleaning.rows.refused.height
    outside = cleaning.universe.filter(~pl.col("is_member")).height
    masked = cleaning.ledger.filter(action="masked").select("session", "security_id").unique().height
    cells = unexplained_cells(raw, cleaning.bars, cleaning.ledger)
    astray = {
        "raw rows neither kept nor refused": abs(raw.height - kept - refused),
        "bars without a row in the universe": abs(kept - cleaning.universe.height),
        "rows outside the universe that no rule masked": abs(outside - masked),
        "cells that differ and are not in the ledger, or the reverse": cells,
        "rows unreconciled by a rule": int(found["rows_unreconciled"].sum()),
    }
    print(f"\n{raw.height:,} raw rows = {kept:,} kept + {refused:,} refused; {outside:,} of the kept are masked")
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_width_chars=160, tbl_hide_column_data_types=True, tbl_hide_dataframe_shape=True
    ):
        print(found.filter(pl.col("rows_masked") + pl.col("rows_refused") + pl.col("rows_told") > 0))
    for what, rows in astray.items():
        print(f"{what}: {rows}")
    return sum(astray.values())


def _show(counts: pl.DataFrame, evidence: pl.DataFrame, effect: pl.DataFrame) -> None:
    there = pl.col("rows") / pl.col("share")
    yearly = counts.group_by("rule", "action", "year").agg(share=(100 * pl.col("rows").sum() / there.sum()).round(3))
    boards = counts.group_by("rule", "action", "board").agg(share=(100 * pl.col("rows").sum() / there.sum()).round(3))
    figures = [name for name, kind in effect.schema.items() if kind == pl.Float64]
    with pl.Config(
        tbl_rows=-1, tbl_cols=-1, tbl_width_chars=220, fmt_str_lengths=70, tbl_hide_column_data_types=True,
        tbl_hide_dataframe_shape=True,
    ):  # fmt: skip
        print("\nPercent of the raw rows of a year that each rule touched")
        print(yearly.sort("year").pivot("year", index=["rule", "action"], values="share").sort("action", "rule"))
        print("\nThe same by board")
        print(boards.sort("board").pivot("board", index=["rule", "action"], values="share").sort("action", "rule"))
        print("\nPast of each rule under another future, in bars with planted faults")
        print(evidence)
        print("\nEach rule turned about alone, ridge on price and volume")
        print(effect.filter(pl.col("turned") != "nothing").vstack(effect.head(1)).select(
            "rule", "turned", "rows_touched", "members_change", *(pl.col(name).round(4) for name in figures), "note"
        ))  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
