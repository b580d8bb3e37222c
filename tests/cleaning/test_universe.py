import polars as pl

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.marks import marks
from assets.cleaning.universe import universe
from expectations.fact_tables import FloatShares, IndexBars, News
from expectations.tables import Universe

NO_FACTS = [table.create_empty(lazy=True) for table in (IndexBars, FloatShares, News)]


def members(market: pl.DataFrame, **flags: bool) -> pl.DataFrame:
    sessions = calendar(market.lazy())
    rows = bars(market.lazy(), sessions).with_columns(**{k: pl.lit(v) for k, v in flags.items()})
    return Universe.validate(universe(rows, marks(rows, sessions, *NO_FACTS)).collect())


def test_every_bar_has_its_row_and_a_member_has_no_reason(market):
    found = members(market)
    assert found.height == market.height
    assert found["left_out_because"].is_null().equals(found["is_member"].rename("left_out_because"))


def test_suspended_names_are_left_out(market):
    left_out = members(market).filter(~pl.col("is_member"))
    assert left_out.filter(left_out_because="suspended").height == 82
    # The market's reference prices go on while a name is halted, and its longer halt is a long one.
    assert set(left_out["left_out_because"]) == {"suspended", "suspension_gap", "adjustment_break"}


def test_a_name_left_out_for_two_reasons_bears_the_one_that_comes_first(market):
    left_out = members(market, is_st=True).filter(left_out_because="suspended")
    assert left_out.height == 82


def test_names_under_special_treatment_and_new_ones_are_left_out(market):
    assert set(members(market, is_st=True)["left_out_because"]) == {"suspended", "st"}
    assert set(members(market, is_new_listing=True)["left_out_because"]) == {"suspended", "new_listing"}
    assert not members(market)["is_manipulation_suspect"].any()
    assert members(market, is_st=True)["is_member"].sum() == 0


def test_a_name_that_is_delisted_later_is_a_member_until_its_last_session(market):
    last = members(market).filter(pl.col("security_id") == "sz300005")
    assert last.height == 200
    assert last["is_member"].all()
