from datetime import date, datetime, time, timedelta

import polars as pl
import pytest

from assets.sources.vendors.arrival import ZONE, Arrival, month_end, months_between

EVENING = Arrival(time(18))
NIGHT = Arrival(time(1, 30), days_later=1, weekends=True)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 10, day, hour, minute, tzinfo=ZONE)


def test_a_column_of_days_becomes_instants_in_exchange_time():
    days = pl.DataFrame({"day": [date(2026, 10, 16), None]})
    known = days.select(EVENING.known(pl.col("day")), night=NIGHT.known(pl.col("day")))
    assert known["day"].to_list() == [at(16, 18), None]
    assert known["night"].to_list() == [at(17, 1, 30), None]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (at(16, 17, 59), at(16, 0)),  # the third look at Thursday's delivery
        (at(16, 18), at(16, 18)),
        (at(16, 18, 59), at(16, 18)),
        (at(16, 19), at(16, 19)),
        (at(17, 0), at(17, 0)),
        (at(18, 12), at(17, 0)),  # nothing comes on a weekend
        (at(19, 17), at(17, 0)),
        (at(19, 18), at(19, 18)),
    ],
)
def test_something_new_may_come_at_a_delivery_and_twice_after_it(now, expected):
    assert EVENING.latest(now) == expected


def test_lists_also_come_on_weekends():
    assert NIGHT.latest(at(18, 12)) == at(18, 7, 30)


def test_an_answer_is_settled_after_the_last_look():
    assert EVENING.settled(date(2026, 10, 16)) == at(17, 0)
    assert EVENING.latest(at(17, 0) + timedelta(days=1)) <= EVENING.settled(date(2026, 10, 16))


def test_months():
    assert month_end(date(2024, 2, 5)) == date(2024, 2, 29)
    assert months_between(date(2025, 11, 30), date(2026, 1, 1)) == [
        date(2025, 11, 1),
        date(2025, 12, 1),
        date(2026, 1, 1),
    ]
