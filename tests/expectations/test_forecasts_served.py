"""Served forecasts: picked seeds, changed values, and members left out are named; the saved models' own pass."""

from datetime import date

import polars as pl
import pytest

from expectations.decisions import decision_instant
from expectations.forecasts_served import FORECASTS_SERVED, MEMBERS, MODEL, by_model, of_members
from expectations.suites import judge

DAYS = [date(2015, 3, day) for day in (2, 3, 4, 5)]
NAMES = [f"sz{number:06d}" for number in range(6)]
SEEDS = (0, 1)
STORED = pl.DataFrame(
    [
        (day, name, seed, "valid" if day == DAYS[0] else "test", 0.1 * number + 0.01 * place + seed)
        for place, day in enumerate(DAYS)
        for number, name in enumerate(NAMES)
        for seed in SEEDS
    ],
    schema=["session", "security_id", "seed", "segment", "forecast"],
    orient="row",
)
AT = decision_instant(DAYS[2], 20)
IS_TESTED = pl.col("session") > DAYS[0]
MEMBER_ROWS = STORED.filter(IS_TESTED).select("session", "security_id").unique()
SERVED = STORED.filter(pl.col("session") <= DAYS[2], pl.col("seed") == 0)


def complete(stored: pl.DataFrame, members: pl.DataFrame = MEMBER_ROWS) -> pl.DataFrame:
    return of_members(stored, members, SEEDS, "study", "2015-03-01")


def same(stored: pl.DataFrame) -> pl.DataFrame:
    return by_model(stored, SERVED, AT, "study", "2015-03-01")


def test_forecasts_of_all_members_by_every_seed_as_the_model_says_them_pass() -> None:
    found = pl.concat([complete(STORED), same(STORED)])
    assert found.schema == FORECASTS_SERVED
    assert found["passed"].all()
    assert found["compared_with"].to_list() == [MEMBERS, MEMBERS, MODEL]
    assert found["rows_compared"].to_list() == [18, 18, 18]
    assert judge("served", {"forecasts_served": found}).passed


@pytest.mark.parametrize("kept", SEEDS)
def test_a_seed_that_was_picked_leaves_the_others_missing(kept: int) -> None:
    found = complete(STORED.filter(seed=kept))
    lost = found.filter(~pl.col("passed")).row(0, named=True)
    assert (lost["seed"], lost["rows_missing"]) == (1 - kept, 18)
    verdict = judge("served", {"forecasts_served": found})
    assert f"experiment study, fold 2015-03-01, seed {1 - kept}, compared_with {MEMBERS}" in verdict.failures[0]


def test_a_seed_that_was_never_declared_is_named() -> None:
    found = complete(pl.concat([STORED, STORED.filter(seed=0).with_columns(seed=pl.lit(7, dtype=pl.Int64))]))
    assert found.filter(~pl.col("passed"))["seed"].to_list() == [7]


def test_a_member_that_was_left_out_and_one_that_is_none_are_named() -> None:
    is_lost = (pl.col("security_id") == NAMES[2]) & (pl.col("session") == DAYS[3])
    found = complete(STORED.filter(~is_lost))
    assert found["rows_missing"].to_list() == [1, 1]
    assert found["first_example"][0] == f"{NAMES[2]} 2015-03-05: no forecast after"
    assert complete(STORED, MEMBER_ROWS.filter(~is_lost))["rows_added"].to_list() == [1, 1]


@pytest.mark.parametrize("by", [0.01, -0.002, None])
def test_a_value_that_the_saved_model_does_not_say_is_named(by: float | None) -> None:
    where = (pl.col("security_id") == NAMES[1]) & (pl.col("session") == DAYS[1])
    moved = None if by is None else pl.col("forecast") + by
    row = same(STORED.with_columns(forecast=pl.when(where).then(moved).otherwise("forecast"))).row(0, named=True)
    assert (row["rows_changed"], row["passed"], row["decided_at"]) == (1, False, AT)
    assert row["first_example"].startswith(f"{NAMES[1]} 2015-03-03: ")


def test_sums_in_another_order_and_later_sessions_are_no_difference() -> None:
    near = STORED.with_columns(pl.col("forecast") * (1 + 1e-9))
    assert same(near)["passed"].all()
    later = pl.when(pl.col("session") > DAYS[2]).then(9.0).otherwise("forecast")
    assert same(STORED.with_columns(forecast=later))["passed"].all()
