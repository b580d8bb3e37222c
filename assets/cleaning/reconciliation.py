"""Reconciliation: whether the ledger accounts for every raw row, rule by rule, and for every cell that differs."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.cleaning.rules.rule import Rule
from expectations.tickers import ticker

ROW = ("session", "ticker", "delivery")
RECONCILED = pl.Schema(
    {
        "rule": pl.String,
        "action": pl.String,
        "rows_raw": pl.Int64,
        "rows_kept": pl.Int64,
        "rows_masked": pl.Int64,
        "rows_refused": pl.Int64,
        "rows_told": pl.Int64,
        "rows_unreconciled": pl.Int64,
    }
)
RAW_COLUMNS = ("open", "high", "low", "close", "volume", "amount", "prev_close", "adj_factor")


def reconciled(raw: pl.DataFrame, ledger: pl.DataFrame, rules: Sequence[Rule]) -> pl.DataFrame:
    """By rule, raw = kept + masked + refused; kept are the raw rows for which the ledger has neither from that rule.

    raw      rows of RawBars
    ledger   rows of Ledger, made from them
    returns  RECONCILED; `rows_told` are those that were changed or flagged, which stay. `rows_unreconciled` is above 0
             where the ledger names a row that was not delivered, or names it twice
    """
    delivered = raw.select("session", "delivery", ticker="security_id")
    rows = [_of_rule(rule, delivered, ledger.filter(pl.col("rule") == rule.name)) for rule in rules]
    return pl.DataFrame(rows, schema=RECONCILED)


def unexplained_cells(raw: pl.DataFrame, bars: pl.DataFrame, ledger: pl.DataFrame) -> int:
    """Cells of accepted bars that differ from what was delivered and have no entry with both values, or the reverse."""
    first = raw.unique(["session", "security_id"], keep="none")
    accepted = bars.with_columns(security_id=ticker(pl.col("security_id")))
    both = accepted.join(first, on=["session", "security_id"], suffix="_raw")
    changes = ledger.filter(pl.col("action") == "changed", pl.col("column").is_in(RAW_COLUMNS))
    net = changes.group_by("session", "security_id", "column", maintain_order=True).agg(
        pl.col("before").first(), pl.col("after").last()
    )
    net = net.with_columns(security_id=ticker(pl.col("security_id")))
    return sum(_unexplained(both, net, name) for name in RAW_COLUMNS)


def _of_rule(rule: Rule, delivered: pl.DataFrame, entries: pl.DataFrame) -> dict[str, object]:
    touched = entries.with_columns(ticker=ticker(pl.col("security_id")))
    whole = touched.filter(pl.col("action").is_in(["refused", "masked"]))
    masked = whole.filter(action="masked")
    on = ROW if rule.action == "refused" else ROW[:2]
    named = whole.group_by(on).len("entries")
    counted = delivered.group_by(on).len("rows").join(named, on=on, how="full", coalesce=True, nulls_equal=True)
    counted = counted.with_columns(pl.col("rows", "entries").fill_null(0).cast(pl.Int64))
    # A mask names the one bar of its session; the same key was delivered more often where copies were refused.
    twice = masked.height - masked.select("session", "security_id").unique().height
    kept = int((counted["rows"] - counted["entries"]).clip(0).sum())
    refused = whole.height - masked.height
    told = touched.filter(pl.col("action").is_in(["changed", "flagged"])).select(ROW).unique().height
    return {
        "rule": rule.name,
        "action": rule.action,
        "rows_raw": delivered.height,
        "rows_kept": kept,
        "rows_masked": masked.height,
        "rows_refused": refused,
        "rows_told": told,
        "rows_unreconciled": abs(delivered.height - kept - whole.height) + twice,
    }


def _unexplained(both: pl.DataFrame, net: pl.DataFrame, name: str) -> int:
    cells = both.select(
        "session", "security_id", now=pl.col(name).cast(pl.String), was=pl.col(f"{name}_raw").cast(pl.String)
    )
    told = net.filter(pl.col("column") == name)
    paired = cells.join(told, on=["session", "security_id"], how="left", nulls_equal=True)
    differs = paired["now"].ne_missing(paired["was"])
    explained = paired["before"].eq_missing(paired["was"]) & paired["after"].eq_missing(paired["now"])
    has_entry = paired["column"].is_not_null()
    wrong = (differs & ~(has_entry & explained)) | (has_entry & ~explained)
    return int(wrong.sum())
