from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from expectations.decisions import decision_instant
from expectations.evidence import PURGE, TIMESTAMP_ORDER
from expectations.leakage import purge, timestamp_order

SHANGHAI = ZoneInfo("Asia/Shanghai")


@dataclass(frozen=True)
class Windows:
    key: str = "2015-03-01"
    train_start: date = date(2015, 1, 1)
    valid_start: date = date(2015, 2, 1)
    test_start: date = date(2015, 3, 1)
    test_end: date = date(2015, 4, 1)


def segmented(*rows):
    exits = [None if left is None else datetime.combine(left, time(15), SHANGHAI) for _, left, _ in rows]
    return pl.DataFrame(
        {"session": [row[0] for row in rows], "exited_at": exits, "segment": [row[2] for row in rows]},
        schema={"session": pl.Date, "exited_at": pl.Datetime("us", "Asia/Shanghai"), "segment": pl.String},
    )


CLEAN = (
    (date(2015, 1, 20), date(2015, 1, 29), "train"),
    (date(2015, 1, 28), date(2015, 2, 4), "purged"),
    (date(2015, 2, 2), date(2015, 2, 9), "valid"),
    (date(2015, 3, 2), None, "test"),
)


def test_purged_windows_pass_with_the_gap_between_them():
    evidence = purge(segmented(*CLEAN), Windows(), 20)
    assert evidence.schema == PURGE
    assert evidence["boundary"].to_list() == ["train|valid", "train|test", "valid|test"]
    assert evidence["passed"].all()
    assert evidence["rows_purged"].to_list() == [1, 1, 0]
    assert evidence["gap_hours"][0] == 4 * 24 + 5


@pytest.mark.parametrize(
    ("row", "boundaries"),
    [
        ((date(2015, 1, 28), date(2015, 2, 4), "train"), {"train|valid"}),
        ((date(2015, 1, 28), date(2015, 3, 4), "train"), {"train|valid", "train|test"}),
        ((date(2015, 2, 26), date(2015, 3, 4), "valid"), {"valid|test"}),
        ((date(2015, 1, 28), None, "train"), {"train|valid", "train|test"}),
        ((date(2015, 2, 3), date(2015, 2, 10), "train"), {"train|valid", "train|test"}),
        ((date(2014, 12, 1), date(2014, 12, 8), "train"), {"train|valid", "train|test"}),
    ],
)
def test_a_label_that_reaches_over_a_boundary_is_found(row, boundaries):
    evidence = purge(segmented(*CLEAN, row), Windows(), 20)
    assert set(evidence.filter(~pl.col("passed"))["boundary"]) == boundaries


def test_a_boundary_with_nothing_before_it_shows_nothing_and_fails():
    assert purge(segmented(*CLEAN[2:]), Windows(), 20)["passed"].to_list() == [False, False, True]


def test_without_a_decision_after_it_a_boundary_is_the_calendar_start():
    evidence = purge(segmented(*CLEAN[:3]), Windows(), 20)
    assert evidence["first_decision"][2] == decision_instant(date(2015, 3, 1), 20)
    assert evidence["passed"].all()


def test_a_session_fails_when_one_bar_arrives_after_the_decision_or_at_an_unknown_time(raw):
    evidence = timestamp_order(raw, 20)
    assert evidence.schema == TIMESTAMP_ORDER
    assert evidence["passed"].all()
    assert evidence.height == 260
    assert timestamp_order(raw, 16)["passed"].all()
    assert not timestamp_order(raw, 15)["passed"].any()
    day = date(2015, 7, 1)
    one = (pl.col("session") == day) & (pl.col("security_id") == "sz000003")
    for instead in (datetime(2015, 7, 1, 21, tzinfo=SHANGHAI), None):
        moved = raw.with_columns(pl.when(~one).then("available_at").otherwise(pl.lit(instead)).alias("available_at"))
        assert timestamp_order(moved, 20).filter(~pl.col("passed"))["session"].to_list() == [day]
