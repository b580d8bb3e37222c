"""Undo: the whole of cleaning again, without the rules that are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from assets.cleaning.appearances import appearances
from assets.cleaning.bars import Cleaned, cleaned
from assets.cleaning.calendar import calendar
from assets.cleaning.ledger import entries
from assets.cleaning.marks import found, market
from assets.cleaning.rules import RULES, without
from assets.cleaning.rules.market import Market
from assets.cleaning.rules.rule import Rule
from assets.cleaning.universe import members
from expectations.cleaning_tables import Ledger
from expectations.facts import RawFloatShares, RawIndexBars, RawNews
from expectations.tables import Bars, RawBars, Table, Universe

Frames = Mapping[str, pl.DataFrame]


@dataclass(frozen=True)
class Cleaning:
    """All tables of cleaning under some rules; `rows` and `market` are what they were made of."""

    rules: tuple[Rule, ...]
    calendar: pl.DataFrame
    rows: Cleaned
    market: Market
    bars: pl.DataFrame
    marks: pl.DataFrame
    universe: pl.DataFrame
    ledger: pl.DataFrame


def undo(raw: Frames, *names: str) -> Cleaning:
    """Every table as if the named rules did not exist; an unknown name raises ValueError."""
    return clean(raw, without(names))


def clean(raw: Frames, rules: Sequence[Rule] = RULES) -> Cleaning:
    """Every table of cleaning from raw tables by key (raw/bars, and facts where there are any), under these rules.

    Without some refusals the bars may hold what `Bars` does not allow; they are given as they are.
    """
    raw_bars = raw[RawBars.asset_key]
    days = calendar(raw_bars.lazy()).collect()
    sessions = days["session"].sort()
    rows = cleaned(raw_bars, sessions, appearances(raw_bars.lazy(), days.lazy()).collect(), rules)
    accepted = rows.bars.sort("session", "security_id").select(Bars.column_names())
    facts = (_told(raw, RawIndexBars), _told(raw, RawFloatShares), _told(raw, RawNews))
    seen = market(accepted, sessions, *facts)
    marked = found(seen, rules)
    universe = members(accepted.lazy(), marked.lazy()).collect().select(Universe.column_names())
    ledger = entries(rows, marked, rules).select(Ledger.column_names())
    return Cleaning(tuple(rules), days, rows, seen, accepted, marked, universe, ledger)


def _told(raw: Frames, table: type[Table]) -> pl.DataFrame:
    return raw.get(table.asset_key, table.create_empty())
