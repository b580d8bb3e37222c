"""Undo: the whole of cleaning again, without the rules that are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import dataframely as dy
import polars as pl

from assets.cleaning.appearances import appearances
from assets.cleaning.bars import Cleaned, cleaned
from assets.cleaning.calendar import calendar
from assets.cleaning.float_shares import float_shares
from assets.cleaning.index_bars import index_bars
from assets.cleaning.ledger import entries
from assets.cleaning.marks import found
from assets.cleaning.news import news
from assets.cleaning.rules import RULES, without
from assets.cleaning.rules.market import Market, market_of
from assets.cleaning.rules.rule import Rule
from assets.cleaning.universe import members
from expectations.cleaning_tables import Ledger
from expectations.facts import RawFloatShares, RawIndexBars, RawNews
from expectations.tables import Bars, RawBars, Table, Universe

Frames = Mapping[str, pl.DataFrame]
Told = TypeVar("Told", bound=Table)
NUMBERS = ("close", "prev_close", "adj_factor")


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
    sound = _sound(accepted).lazy()
    shares = float_shares(_told(raw, RawFloatShares), sound).collect()
    indices = index_bars(_told(raw, RawIndexBars), sound, shares.lazy()).collect()
    seen = market_of(accepted, sessions, indices, shares, news(_told(raw, RawNews)).collect())
    marked = found(seen, rules)
    universe = members(accepted.lazy(), marked.lazy()).collect().select(Universe.column_names())
    ledger = entries(rows, marked, rules).select(Ledger.column_names())
    return Cleaning(tuple(rules), days, rows, seen, accepted, marked, universe, ledger)


def _sound(bars: pl.DataFrame) -> pl.DataFrame:
    """The bars of which an index can be made: under all rules, every one; without some refusals, not the others."""
    keyed = pl.all_horizontal(pl.col("session", "security_id", "available_at").is_not_null())
    positive = pl.all_horizontal(((pl.col(c) > 0) & pl.col(c).is_finite()).fill_null(True) for c in NUMBERS)
    return bars.filter(keyed & positive).unique(["session", "security_id"], keep="first", maintain_order=True)


def _told(raw: Frames, table: type[Told]) -> dy.LazyFrame[Told]:
    return table.cast(raw.get(table.asset_key, table.create_empty()).lazy())
