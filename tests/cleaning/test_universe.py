import polars as pl

from assets.cleaning.bars import bars
from assets.cleaning.calendar import calendar
from assets.cleaning.universe import universe
from expectations.tables import Universe


def members(market: pl.DataFrame, **flags: bool) -> pl.DataFrame:
    rows = bars(market.lazy(), calendar(market.lazy())).with_columns(**{k: pl.lit(v) for k, v in flags.items()})
    return Universe.validate(universe(rows).collect())


def test_every_bar_has_its_row_and_a_member_has_no_reason(market):
    found = members(market)
    assert found.height == market.height
    assert found["left_out_because"].is_null().equals(found["is_member"].rename("left_out_because"))


def test_suspended_names_are_left_out(market):
    assert members(market).filter(~pl.col("is_member"))["left_out_because"].to_list() == ["suspended"] * 82


def test_names_under_special_treatment_and_new_ones_are_left_out(market):
    assert set(members(market, is_st=True)["left_out_because"]) == {"suspended", "st"}
    assert set(members(market, is_new_listing=True)["left_out_because"]) == {"suspended", "new_listing"}
    assert members(market, is_st=True)["is_member"].sum() == 0


def test_a_name_that_is_delisted_later_is_a_member_until_its_last_session(market):
    last = members(market).filter(pl.col("security_id") == "sz300005")
    assert last.height == 200
    assert last["is_member"].all()
