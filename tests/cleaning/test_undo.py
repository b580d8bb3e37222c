"""Undo, ledger and reconciliation: what the rules did can be told to the cell and taken back."""

import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.float_shares import float_shares
from assets.cleaning.index_bars import index_bars
from assets.cleaning.ledger import ledger
from assets.cleaning.marks import marks
from assets.cleaning.news import news
from assets.cleaning.reconciliation import RAW_COLUMNS, reconciled, unexplained_cells
from assets.cleaning.rules import RULES
from assets.cleaning.undo import clean, undo
from assets.cleaning.universe import universe
from expectations.cleaning_tables import Ledger
from expectations.facts import RawFloatShares, RawIndexBars, RawNews
from expectations.tables import RawBars, Universe

NAMES = [rule.name for rule in RULES]
FAULTS = {
    "not_finite": {"close": math.nan},
    "missing_key": {"security_id": None},
    "source_objection": {"source_objection": "no"},
    "unknown_board": {"board": "x"},
    "missing_available_at": {"available_at": None},
    "missing_flag": {"is_st": None},
    "missing_price": {"open": None},
    "non_positive_price": {"prev_close": -1.0},
    "high_below_low": {"high": 0.5},
    "outside_range": {"close": 500.0},
    "no_volume": {"volume": 0.0},
    "vwap_outside_range": {"amount": 1.0},
    "bad_adj_factor": {"adj_factor": 0.0},
    "st": {"is_st": True},
}


def faulty(market: pl.DataFrame, faults: dict[int, str]) -> pl.DataFrame:
    """The market with a fault in each of these rows; even rows are delivered twice, and one on a Sunday."""
    rows = market.with_row_index("_row")
    for place, name in faults.items():
        here = pl.col("_row") == place
        rows = rows.with_columns(
            pl.when(here).then(pl.lit(value, dtype=market.schema[column])).otherwise(pl.col(column)).alias(column)
            for column, value in FAULTS[name].items()
        )
    again = rows.filter(pl.col("_row").is_in([place for place in faults if place % 2 == 0]))
    sunday = rows.tail(1).with_columns(session=pl.lit(date(2014, 6, 1)))
    return pl.concat([rows, again.with_columns(delivery=pl.lit("again")), sunday]).drop("_row")


def damage() -> st.SearchStrategy[dict[int, str]]:
    return st.dictionaries(st.integers(0, 1200), st.sampled_from(sorted(FAULTS)), max_size=12)


def raw_of(rows: pl.DataFrame) -> dict[str, pl.DataFrame]:
    return {RawBars.asset_key: rows}


@settings(max_examples=15, deadline=None)
@given(faults=damage())
def test_every_row_and_every_changed_cell_is_accounted_for(market, faults):
    rows = faulty(market, faults)
    found = clean(raw_of(rows))
    Ledger.validate(found.ledger)
    assert reconciled(rows, found.ledger, RULES)["rows_unreconciled"].sum() == 0
    assert unexplained_cells(rows, found.bars, found.ledger) == 0
    assert found.bars.height + found.rows.refused.height == rows.height
    masked = found.ledger.filter(action="masked").select("session", "security_id").unique().height
    assert masked == found.universe.filter(~pl.col("is_member")).height


def test_a_ledger_that_lacks_or_invents_a_row_or_a_cell_does_not_reconcile(market):
    rows = faulty(market, {3: "not_finite", 8: "st", 500: "no_volume"})
    found = clean(raw_of(rows))
    told = found.ledger
    st_row = told.filter(rule="st")
    assert reconciled(rows, pl.concat([told, st_row]), RULES)["rows_unreconciled"].sum() > 0
    stranger = st_row.with_columns(security_id=pl.lit("sh999999"))
    assert reconciled(rows, pl.concat([told, stranger]), RULES)["rows_unreconciled"].sum() > 0
    moved = found.bars.with_columns(close=pl.when(pl.int_range(pl.len()) == 30).then(1.0).otherwise(pl.col("close")))
    assert unexplained_cells(rows, moved, told) == 1
    session, security_id = found.bars.select("session", "security_id").row(0)
    lie = {"session": session, "security_id": security_id, "action": "changed", "column": "close", "before": "1.0"}
    lie = told.head(1).with_columns(pl.lit(value).alias(name) for name, value in lie.items())
    assert unexplained_cells(rows, found.bars, pl.concat([told, lie])) == 1


@settings(max_examples=10, deadline=None)
@given(faults=damage())
def test_without_any_rule_the_rows_are_as_they_were_delivered_and_all_are_members(market, faults):
    rows = faulty(market, faults)
    bare = undo(raw_of(rows), *NAMES)
    key = ["session", "security_id", "delivery"]
    columns = [*key, "board", "is_st", "is_suspended", *RAW_COLUMNS]
    assert_frame_equal(bare.rows.bars.sort(key).select(columns), rows.sort(key).select(columns), check_exact=True)
    assert bare.universe["is_member"].all()
    assert bare.ledger.is_empty()


@settings(max_examples=25, deadline=None)
@given(faults=damage(), names=st.sets(st.sampled_from(NAMES), max_size=5))
def test_a_rule_that_is_undone_leaves_no_entry_and_comes_back_to_the_bit(market, faults, names):
    rows = raw_of(faulty(market, faults))
    first = clean(rows)
    without = undo(rows, *names)
    assert not set(without.ledger["rule"]) & names
    again = clean(rows, RULES)
    for name in ("bars", "marks", "universe", "ledger"):
        assert_frame_equal(getattr(again, name), getattr(first, name), check_exact=True)


def test_undoing_one_mask_gives_back_exactly_the_bars_that_it_alone_held(market):
    rows = raw_of(market)
    first, without = clean(rows), undo(rows, "suspension_gap")
    assert_frame_equal(first.bars, without.bars)
    back = without.universe.filter(pl.col("is_member")).join(
        first.universe.filter(pl.col("is_member")), on=["session", "security_id"], how="anti"
    )
    alone = first.marks.filter(action="masked").filter(pl.len().over("session", "security_id") == 1)
    assert back.height == alone.filter(rule="suspension_gap").height > 0


def test_undoing_a_change_gives_back_the_cell(market):
    rows = faulty(market, {1200: "not_finite"})
    name, day = market.select("security_id", "session").row(1200)
    mine = (pl.col("security_id") == name) & (pl.col("session") == day)
    told = clean(raw_of(rows)).ledger.filter(rule="not_finite").row(0, named=True)
    assert (told["column"], told["before"], told["after"]) == ("close", "NaN", None)
    assert undo(raw_of(rows), *NAMES).bars.filter(mine)["close"].is_nan().any()


def test_an_unknown_rule_is_refused_with_what_is_allowed(market):
    with pytest.raises(ValueError, match=r"no cleaning rule is called \['outlier'\]"):
        undo(raw_of(market), "outlier")


@pytest.mark.parametrize("has_facts", [False, True])
def test_the_tables_are_what_clean_gives(market, raw_tables, has_facts):
    def told(table):
        return (raw_tables[table.asset_key] if has_facts else table.create_empty()).lazy()

    rows = faulty(market, {3: "not_finite", 8: "st"})
    found, days = clean((raw_tables if has_facts else {}) | raw_of(rows)), calendar(rows.lazy())
    kept = bars(rows.lazy(), days)
    shares = float_shares(told(RawFloatShares), kept)
    indices = index_bars(told(RawIndexBars), kept, shares)
    marked = marks(kept, days, indices, shares, news(told(RawNews)))
    assert_frame_equal(kept.collect(), found.bars)
    assert_frame_equal(marked.collect(), found.marks)
    assert_frame_equal(Universe.validate(universe(kept, marked).collect()), found.universe)


def test_one_month_of_the_ledger_with_its_look_back_equals_the_whole(market):
    from assets.cleaning.appearances import appearances

    rows = faulty(market, {3: "not_finite", 700: "st", 705: "no_volume"})
    days = calendar(rows.lazy()).collect()
    events = appearances(rows.lazy(), days.lazy())
    found = clean(raw_of(rows))
    inside = pl.col("session").dt.month() == 7
    start = days["session"].search_sorted(date(2014, 7, 1))
    given_days = days.slice(start - 60).filter(pl.col("session").dt.month() <= 7)
    part = ledger(rows.filter(inside).lazy(), given_days.lazy(), events, found.marks.filter(inside).lazy()).collect()
    assert_frame_equal(part, found.ledger.filter(inside))
