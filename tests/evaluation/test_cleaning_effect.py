from datetime import date

import numpy as np
import polars as pl
import pytest

from assets.cleaning.rules import RULES
from assets.cleaning.undo import clean, undo
from assets.evaluation.cleaning_counts import CleaningCounts, cleaning_counts
from assets.evaluation.cleaning_effect import EffectSpec, cleaning_effect, unusable
from assets.evaluation.cleaning_pictures import effect_of_rules, shares_by_year
from assets.evaluation.trading import TradingSpec
from assets.folds.walk_forward import WalkForwardSpec
from assets.sources.synthetic_market import SyntheticMarketSpec
from expectations.tables import RawBars

WINDOWS = WalkForwardSpec(first_test=date(2013, 1, 1), train="12mo", valid="3mo", test="6mo")
SPEC = EffectSpec(walk_forward=WINDOWS, trading=TradingSpec(top_k=5, capital=1e6))
NAMES = ("no_volume", "vwap_outside_range", "suspended", "st", "locked_up", "duplicate")
CHOSEN = tuple(rule for rule in RULES if rule.name in NAMES)


@pytest.fixture(scope="module")
def raw() -> pl.DataFrame:
    """Two years of a small market; in some rows the volume or the amount is wrong, some come twice."""
    source = SyntheticMarketSpec(securities=40, sessions=560)
    rows = source.read(RawBars, date(2011, 6, 1), date(2013, 6, 30)).sort("session", "security_id")
    lost = pl.int_range(pl.len()) % 500 == 7
    wrong = pl.int_range(pl.len()) % 500 == 9
    rows = rows.with_columns(
        volume=pl.when(lost & ~pl.col("is_suspended")).then(0.0).otherwise(pl.col("volume")),
        amount=pl.when(wrong & ~pl.col("is_suspended")).then(pl.col("amount") * 1.2).otherwise(pl.col("amount")),
    )
    return pl.concat([rows, rows.gather_every(1000).with_columns(delivery=pl.lit("again"))])


@pytest.fixture(scope="module")
def effect(raw) -> pl.DataFrame:
    return cleaning_effect({RawBars.asset_key: raw}, SPEC, date(2011, 6, 1), date(2013, 6, 30), CHOSEN)


def test_counts_add_up_to_the_ledger_and_shares_to_the_rows_of_year_and_board(raw):
    ledger = clean({RawBars.asset_key: raw}).ledger
    counts = CleaningCounts.validate(cleaning_counts(raw, ledger))
    suspended = counts.filter(rule="suspended")
    assert suspended["rows"].sum() == ledger.filter(rule="suspended").height > 0
    row = suspended.row(0, named=True)
    there = raw.filter(pl.col("session").dt.year() == row["year"], pl.col("board") == row["board"]).height
    assert row["share"] == row["rows"] / there
    assert set(counts["action"]) <= {"refused", "changed", "masked", "flagged"}


def test_every_rule_has_a_line_and_one_that_touched_nothing_changes_nothing(effect):
    assert effect["rule"].to_list() == ["(all rules)", *(rule.name for rule in CHOSEN)]
    idle = effect.filter(turned="nothing")
    assert idle.select(pl.col("members_change", "rank_ic_change", "excess_change").abs().sum()).row(0) == (0, 0, 0)


def test_a_mask_that_is_left_out_gives_members_back_and_a_flag_that_masks_takes_some(effect):
    by_name = {row["rule"]: row for row in effect.iter_rows(named=True)}
    assert by_name["st"]["turned"] == "left out" or by_name["st"]["rows_touched"] == 0
    assert by_name["suspended"]["members_change"] > 0
    assert by_name["locked_up"]["turned"] == "made to mask"
    assert by_name["locked_up"]["members_change"] < 0


def test_a_refusal_that_is_left_out_is_measured_unless_no_model_could_read_the_bars(effect):
    by_name = {row["rule"]: row for row in effect.iter_rows(named=True)}
    assert by_name["vwap_outside_range"]["rows_touched"] > 0
    assert by_name["vwap_outside_range"]["members_change"] > 0
    assert by_name["vwap_outside_range"]["rank_ic"] is not None
    # What one rule no longer refuses, the next one does.
    assert by_name["no_volume"]["rows_touched"] > 0 == by_name["no_volume"]["members_change"]
    assert by_name["duplicate"]["rank_ic"] is None
    assert "share theirs, which no model can read" in by_name["duplicate"]["note"]


def test_bars_without_a_price_are_named_as_what_no_model_can_read(raw):
    bare = undo({RawBars.asset_key: raw.unique(["session", "security_id"])}, "no_volume", "vwap_outside_range")
    assert "traded bars have a price or a VWAP that is no positive number" in str(unusable(bare.bars))
    assert unusable(clean({RawBars.asset_key: raw}).bars) is None


def test_a_change_is_that_of_the_means_where_every_session_is_in_both(effect):
    base, other = (
        effect.filter(rule="(all rules)").row(0, named=True),
        effect.filter(rule="locked_up").row(0, named=True),
    )
    assert np.isclose(other["rank_ic"] - base["rank_ic"], other["rank_ic_change"])
    assert other["rank_ic_change_lower"] < other["rank_ic_change"] < other["rank_ic_change_upper"]


def test_the_pictures_are_drawn(raw, effect):
    counts = cleaning_counts(raw, clean({RawBars.asset_key: raw}).ledger)
    for png in (shares_by_year(counts), effect_of_rules(effect)):
        assert png.startswith(b"\x89PNG")
        assert len(png) > 10_000
