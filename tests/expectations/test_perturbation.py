from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from expectations.decisions import decision_instant
from expectations.perturbation import perturbed, perturbed_facts

SHANGHAI = ZoneInfo("Asia/Shanghai")
AFTER = decision_instant(date(2015, 7, 1), 20)
LATER = pl.col("available_at") > AFTER
KEYS = ["security_id", "session"]


def test_what_was_known_stays_and_nothing_of_the_future_does(raw):
    other = perturbed(raw, AFTER, 0)
    assert other.schema == raw.schema
    assert_frame_equal(other.filter(~LATER).sort(KEYS), raw.filter(~LATER).sort(KEYS))
    both = raw.filter(LATER & ~pl.col("is_suspended")).join(other.filter(~pl.col("is_suspended")), on=KEYS)
    for column in ("open", "high", "low", "close", "volume", "amount", "prev_close", "adj_factor"):
        assert (both[column] != both[f"{column}_right"]).mean() > 0.99
    flags = raw.filter(LATER).join(other, on=KEYS)
    assert 0.15 < (flags["is_st"] != flags["is_st_right"]).mean() < 0.35
    assert 0.05 < (flags["is_suspended"] != flags["is_suspended_right"]).mean() < 0.15


def test_the_order_of_rows_is_another(raw):
    known = perturbed(raw, AFTER, 0).filter(~LATER)
    assert known.select(KEYS).rows() != raw.filter(~LATER).select(KEYS).rows()


def test_about_a_fifth_of_the_rows_goes_and_new_securities_come(raw):
    old, new = raw.filter(LATER), perturbed(raw, AFTER, 0).filter(LATER)
    left = old.join(new, on=KEYS, how="semi").height / old.height
    assert 0.72 < left < 0.86
    newcomers = new.join(old, on=KEYS, how="anti")
    assert newcomers["security_id"].n_unique() == 2
    assert not set(newcomers["security_id"]) & set(raw["security_id"])
    listed = newcomers["listed_on"].drop_nulls()
    assert listed.len() > 0
    assert (listed > AFTER.date()).all()


def test_the_other_future_is_a_market(raw):
    new = perturbed(raw, AFTER, 0).filter(LATER).sort(KEYS)
    traded = new.filter(~pl.col("is_suspended"))
    vwap = traded["amount"] / traded["volume"]
    assert traded.select(pl.all_horizontal(pl.col("open", "close").is_between("low", "high"))).to_series().all()
    assert ((vwap >= traded["low"] - 1e-9) & (vwap <= traded["high"] + 1e-9)).all()
    assert traded.select(pl.col("low", "volume", "adj_factor").min() > 0).row(0) == (True, True, True)
    move = traded["high"] / traded["prev_close"] - 1
    assert 0.09 < move.max() < 0.11
    assert (traded["high"] == traded["low"]).sum() > 0
    idle = new.filter("is_suspended")
    assert idle["close"].is_null().all()
    assert (idle["volume"] == 0).all()


def test_the_reference_price_follows_the_last_close_and_the_factor(raw):
    new = perturbed(raw, AFTER, 0).sort(KEYS)
    known, future = new.filter(~LATER & ~pl.col("is_suspended")), new.filter(LATER)
    last = known.group_by("security_id").agg(pl.col("close").last(), pl.col("adj_factor").last())
    first = future.group_by("security_id", maintain_order=True).first().join(last, on="security_id")
    implied = first["close_right"] * first["adj_factor_right"] / first["adj_factor"]
    assert first.height >= 10
    assert ((implied - first["prev_close"]).abs() < 0.011).all()


def test_a_seed_gives_one_future_and_another_seed_another(raw):
    assert_frame_equal(perturbed(raw, AFTER, 3), perturbed(raw, AFTER, 3))
    assert not perturbed(raw, AFTER, 3).sort(KEYS).equals(perturbed(raw, AFTER, 4).sort(KEYS))


def test_rows_that_came_late_are_replaced_and_rows_of_unknown_time_are_not(raw):
    first = pl.col("session") == pl.col("session").min()
    late = raw.with_columns(available_at=pl.when(first).then(AFTER.replace(hour=21)).otherwise("available_at"))
    old = perturbed(late, AFTER, 0).filter(first & (pl.col("security_id") == "sz000003"))
    assert old.is_empty() or old["volume"].item() != raw.filter(first, security_id="sz000003")["volume"].item()
    undated = raw.with_columns(available_at=pl.lit(None, dtype=raw.schema["available_at"]))
    assert_frame_equal(perturbed(undated, AFTER, 0).sort(KEYS), undated.sort(KEYS))


def test_without_a_future_only_the_order_changes(raw):
    after = datetime(2030, 1, 1, tzinfo=UTC)
    assert_frame_equal(perturbed(raw, after, 0).sort(KEYS), raw.sort(KEYS))


def test_missing_values_in_the_future_are_survived(raw):
    holes = raw.with_columns(
        pl.when(pl.int_range(pl.len()) % 7 != i).then(name).alias(name)
        for i, name in enumerate(["security_id", "session", "is_st", "is_suspended", "close", "adj_factor", "volume"])
    )
    other = perturbed(holes, AFTER, 0)
    assert other.height > raw.height / 2
    assert other.filter(LATER)["is_suspended"].has_nulls()


def test_an_instant_without_time_zone_is_refused(raw):
    with pytest.raises(ValueError, match="no time zone"):
        perturbed(raw, datetime(2015, 7, 1, 20), 0)


def test_later_facts_are_dropped_or_told_of_others_and_known_ones_stay():
    days = [date(2015, 1, day) for day in range(1, 31)]
    facts = pl.DataFrame(
        {
            "known_on": days,
            "available_at": [datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI) for day in days],
            "security_id": [f"sz{number:06d}" for number in range(30)],
            "value": [float(number) for number in range(30)],
        }
    )
    found = perturbed_facts(facts, datetime(2015, 1, 10, 12, tzinfo=SHANGHAI), 0).sort("known_on")
    assert found.head(10).equals(facts.head(10))
    assert 5 < found.height - 10 < 19
    later = found.tail(-10).join(facts, on="known_on", suffix="_before")
    assert (later["value"] != later["value_before"]).all()
    assert (later["security_id"] != later["security_id_before"]).mean() > 0.7
