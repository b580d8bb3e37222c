"""Sensors and schedules: one delivery is one refresh, of the months that changed."""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import dagster as dg
import pytest

from expectations.facts import RawNews
from expectations.tables import RawBars, Table
from pipelines.jobs import RANGE_END, RANGE_START
from pipelines.reach import month_keys
from pipelines.schedules import after_close_schedule
from pipelines.sensors import new_bars_sensor

MONTHS = tuple(month_keys(date(2015, 1, 1), date(2015, 4, 30)))


def graph(stored: Collection[str] = ()) -> SimpleNamespace:
    """A graph in whose store some months are as the source has them."""
    versions = SimpleNamespace(is_outdated=lambda key, month: month not in stored)
    return SimpleNamespace(month_keys=MONTHS, versions=lambda instance: versions)


@dataclass
class Folder:
    """A source that tells the digests it was given."""

    held: dict[str, str] = field(default_factory=dict)
    news: dict[str, str] = field(default_factory=dict)
    newest: date | None = None

    def reached(self) -> date | None:
        return self.newest

    def offers(self) -> tuple[type[Table], ...]:
        return (RawBars, RawNews)

    def digests(self, table: object, months: Sequence[date]) -> dict[date, str]:
        held = self.news if table is RawNews else self.held
        return {month: held[f"{month:%Y-%m}"] for month in months if f"{month:%Y-%m}" in held}


def look(folder: Folder, cursor: str | None, stored: Collection[str] = ()) -> dg.SensorResult:
    sensor = new_bars_sensor(folder, graph(stored))
    with dg.DagsterInstance.ephemeral() as instance:
        return sensor(dg.build_sensor_context(cursor=cursor, instance=instance))


def test_what_arrives_is_asked_for_once() -> None:
    folder = Folder({"2015-01": "a", "2015-02": "b"})
    first = look(folder, None)
    (request,) = first.run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2015-01", "2015-02")
    again = look(folder, first.cursor)
    assert not again.run_requests
    assert "no month changed of 2" in again.skip_reason.skip_message


def test_without_a_cursor_what_is_in_store_is_not_asked_for_again() -> None:
    folder = Folder({"2015-01": "a", "2015-02": "b", "2015-03": "c"})
    first = look(folder, None, stored=["2015-01", "2015-02"])
    (request,) = first.run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2015-03", "2015-03")
    nothing = look(folder, None, stored=MONTHS)
    assert not nothing.run_requests
    assert json.loads(nothing.cursor) == folder.held


def test_a_changed_month_is_asked_for_alone_with_a_key_of_its_content() -> None:
    folder = Folder({"2015-01": "a", "2015-02": "b", "2015-03": "c"})
    cursor = look(folder, None).cursor
    folder.held["2015-02"] = "B"
    (request,) = look(folder, cursor).run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2015-02", "2015-02")
    (same,) = look(folder, cursor).run_requests
    assert same.run_key == request.run_key
    folder.held["2015-02"] = "BB"
    (other,) = look(folder, cursor).run_requests
    assert other.run_key != request.run_key


@pytest.mark.parametrize(("changed", "end"), [("2015-02", "2015-04"), ("2015-01", "2015-01")])
def test_the_months_to_come_are_made_with_the_newest_one(changed: str, end: str) -> None:
    folder = Folder({"2015-01": "a", "2015-02": "b", "2015-03": "none", "2015-04": "none"}, newest=date(2015, 2, 9))
    cursor = look(folder, None).cursor
    folder.held[changed] = "changed"
    (request,) = look(folder, cursor).run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (changed, end)


def test_news_alone_is_a_delivery_too() -> None:
    folder = Folder({"2015-01": "a", "2015-02": "b"})
    cursor = look(folder, None).cursor
    folder.news["2015-02"] = "n"
    (request,) = look(folder, cursor).run_requests
    assert (request.tags[RANGE_START], request.tags[RANGE_END]) == ("2015-02", "2015-02")


def test_the_cursor_holds_every_month_seen() -> None:
    assert json.loads(look(Folder({"2015-01": "a"}), None).cursor) == {"2015-01": "a"}


@pytest.mark.parametrize(
    ("day", "month"), [(datetime(2015, 3, 31, 17, 30), "2015-03"), (datetime(2016, 1, 4, 17, 30), None)]
)
def test_after_close_refreshes_the_month_of_the_day(day: datetime, month: str | None) -> None:
    schedule = after_close_schedule(graph())
    assert schedule.cron_schedule == "30 17 * * 1-5"
    assert schedule.execution_timezone == "Asia/Shanghai"
    context = dg.build_schedule_context(scheduled_execution_time=day.replace(tzinfo=ZoneInfo("Asia/Shanghai")))
    found = schedule.evaluate_tick(context)
    if month is None:
        assert "outside the source's span 2015-01 to 2015-04" in found.skip_message
    else:
        (request,) = found.run_requests
        assert (request.tags[RANGE_START], request.tags[RANGE_END]) == (month, month)
        assert request.run_key == "2015-03-31"
