"""Delivered: each change touches what it says and nothing else, and cleaning accepts it."""

from dataclasses import replace

import polars as pl
import pytest

from assets.cleaning import news, statements
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.delivered import (
    BEFORE_THE_END,
    CHANGES,
    Delivered,
    delivered,
    paid,
    restated,
    sent_again,
    sessions_of,
    told_late,
    without_last_session,
)
from expectations.decisions import decided_at
from expectations.facts import RawNews, RawStatements
from expectations.tables import RawBars


@pytest.fixture(scope="module")
def market() -> Delivered:
    return delivered(SyntheticMarketSpec(securities=20, sessions=120, seed=100))


def added(before: pl.DataFrame, after: pl.DataFrame) -> pl.DataFrame:
    return after.join(before, on=before.columns, how="anti", nulls_equal=True)


def test_a_source_in_memory_gives_back_what_it_read(market: Delivered) -> None:
    for table, frame in market.frames.items():
        assert market.read(table, market.first, market.last).height == frame.height, table
    assert market.deliveries()["rows"].item() == market.frames[RawBars].height


def test_only_the_table_that_a_change_names_is_changed(market: Delivered) -> None:
    for change in CHANGES:
        after = change.apply(market.frames)
        moved = [table for table, frame in market.frames.items() if not frame.equals(after[table])]
        assert moved == [change.table], change.name


def test_digests_change_exactly_in_the_months_whose_rows_do(market: Delivered) -> None:
    months = sorted({day.replace(day=1) for day in sessions_of(market.frames)})
    day = sessions_of(market.frames)[-BEFORE_THE_END]
    after = replace(market, frames=sent_again(market.frames))
    before, now = (source.digests(RawBars, months) for source in (market, after))
    assert [month for month in months if before[month] != now[month]] == [day.replace(day=1)]
    after = replace(market, frames=paid(market.frames))
    now = after.digests(RawBars, months)
    assert [month for month in months if before[month] != now[month]] == [m for m in months if m >= day.replace(day=1)]


def test_without_the_last_session_nothing_of_it_is_known(market: Delivered) -> None:
    before = without_last_session(market.frames)
    assert sessions_of(before) == sessions_of(market.frames)[:-1]
    last = sessions_of(market.frames)[-1]
    assert all((frame[table.dated_by] < last).all() for table, frame in before.items())


def test_a_restated_report_is_a_revision_that_cleaning_accepts(market: Delivered) -> None:
    after = restated(market.frames)[RawStatements]
    again = added(market.frames[RawStatements], after)
    assert again.height > 1
    assert (again["revision"] >= 1).all()
    assert again.select("security_id", "period_end").n_unique() == 1
    kept = statements.statements(after.lazy()).collect()
    keys = ["security_id", "period_end", "item", "revision"]
    assert kept.join(again, on=keys, how="semi").height == again.height


def test_a_late_announcement_comes_after_the_decision_of_an_earlier_session(market: Delivered) -> None:
    after = told_late(market.frames)[RawNews]
    row = added(market.frames[RawNews], after)
    assert row.height == 1
    known, decision = row.select("available_at", decided_at(pl.col("known_on")).alias("decided_at")).row(0)
    assert known > decision
    assert row["known_on"].item() < sessions_of(market.frames)[-2]
    assert news.news(after.lazy()).collect().filter(pl.col("news_id") == "late").height == 1


def test_a_dividend_raises_the_factor_of_one_security_from_a_session_on(market: Delivered) -> None:
    before, after = market.frames[RawBars], paid(market.frames)[RawBars]
    moved = after.filter(after["adj_factor"].ne_missing(before["adj_factor"]))
    assert moved["security_id"].n_unique() == 1
    assert moved["session"].min() == sessions_of(market.frames)[-BEFORE_THE_END]
    assert moved["session"].max() == sessions_of(market.frames)[-1]
    assert after.drop("adj_factor", "prev_close").equals(before.drop("adj_factor", "prev_close"))


def test_a_corrected_bar_is_one_bar_inside_its_own_range(market: Delivered) -> None:
    row = added(market.frames[RawBars], sent_again(market.frames)[RawBars])
    assert row.height == 1
    assert row["close"].item() == row["low"].item()
