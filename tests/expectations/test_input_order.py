"""Input order: every input is known by the decision that uses it."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl

from expectations.input_order import INPUT_ORDER, input_order

DAYS = [date(2015, 3, 4), date(2015, 3, 5)]


def at(*hours: int | None, day: str = "session") -> pl.DataFrame:
    zone = ZoneInfo("Asia/Shanghai")
    known = [None if h is None else datetime.combine(d, time(h), zone) for d, h in zip(DAYS, hours, strict=True)]
    return pl.DataFrame(
        {day: DAYS, "available_at": known}, schema_overrides={"available_at": pl.Datetime("us", "Asia/Shanghai")}
    )


def test_a_bar_after_the_decision_or_without_an_instant_fails_for_every_group_that_reads_it() -> None:
    for late in ((16, 21), (16, None)):
        found = input_order({"features/a": {"cleaning/bars": at(*late)}, "features/b": {"cleaning/bars": at(16, 20)}})
        assert found.schema == INPUT_ORDER
        assert found["passed"].to_list() == [False, True]
    assert found["last_available_at"].dt.hour().to_list() == [16, 20]


def test_a_fact_may_wait_for_the_next_decision_but_must_have_an_instant() -> None:
    for hours, passes in (((16, 21), True), ((16, None), False)):
        found = input_order({"features/a": {"cleaning/news": at(*hours, day="known_on")}})
        assert found["passed"].to_list() == [passes]
        assert found["rows_late"].item() == (1 if passes else 0)
        assert "vintage" in found["checked_by"].item()
