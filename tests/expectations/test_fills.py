"""Fills: what no order could have had."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from expectations.evidence import EXECUTION
from expectations.fills import fills

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = [date(2015, 3, day) for day in (2, 3, 4, 5, 6, 9)]
CALENDAR = pl.DataFrame({"session": DAYS})


def at(day: date, hour: int, minute: int = 0) -> datetime:
    return datetime.combine(day, time(hour, minute), ZONE)


BARS = pl.DataFrame(
    {
        "session": DAYS, "security_id": "sz000401", "is_suspended": [False] * 6, "is_locked_down": [False] * 6,
        "low": [9.8] * 6, "high": [10.2] * 6, "adj_factor": [1.0, 1.0, 1.0, 2.0, 2.0, 2.0],
    }
)  # fmt: skip
LABEL = {
    "session": DAYS[0], "security_id": "sz000401", "horizon": 2, "entered_at": at(DAYS[1], 9, 30),
    "exited_at": at(DAYS[3], 15), "forward_return": 1.0, "status": "filled",
}  # fmt: skip
PENDING = LABEL | {"session": DAYS[4], "status": "pending", "forward_return": None, "exited_at": None}


def broken(bars: pl.DataFrame = BARS, hour: int = 20, **changed: object) -> list[str]:
    labels = pl.DataFrame([LABEL | changed, PENDING], schema_overrides={"horizon": pl.Int32})
    found = fills(
        labels.with_columns(pl.col("entered_at", "exited_at").dt.convert_time_zone("Asia/Shanghai")),
        bars,
        CALENDAR,
        hour,
    )
    assert found.schema == EXECUTION
    return [row["rule"] for row in found.to_dicts() if not row["passed"]]


def test_a_sound_label_passes_across_a_split() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("changed", "rules"),
    [
        ({"entered_at": at(DAYS[0], 15)}, ["before its entry", "next session"]),
        ({"entered_at": at(DAYS[2], 9, 30), "horizon": 1}, ["next session"]),
        ({"exited_at": at(DAYS[1], 15), "forward_return": 0.0}, ["same session", "lasts its horizon"]),
        ({"exited_at": at(DAYS[2], 15), "forward_return": 0.0}, ["lasts its horizon"]),
        ({"forward_return": 1.1}, ["lowest and the highest"]),
        ({"forward_return": 0.0}, ["lowest and the highest"]),
    ],
)
def test_a_label_that_no_order_could_have_had_is_found(changed: dict[str, object], rules: list[str]) -> None:
    found = broken(**changed)
    assert len(found) == len(rules)
    assert all(words in rule for rule, words in zip(found, rules, strict=True))


@pytest.mark.parametrize(
    ("flag", "words"), [("is_suspended", "where there is trading"), ("is_locked_down", "lower limit")]
)
def test_a_sale_that_could_not_be_made_is_found(flag: str, words: str) -> None:
    bars = BARS.with_columns(pl.when(pl.col("session") == DAYS[3]).then(True).otherwise(flag).alias(flag))
    (rule,) = broken(bars)
    assert words in rule


def test_a_return_without_a_fill_is_found() -> None:
    labels = pl.DataFrame([LABEL, PENDING | {"forward_return": 0.1}])
    labels = labels.with_columns(pl.col("entered_at", "exited_at").dt.convert_time_zone("Asia/Shanghai"))
    found = fills(labels, BARS, CALENDAR)
    assert found.filter(~pl.col("passed"))["first_example"].to_list() == ["sz000401 2015-03-06 horizon 2"]


def test_a_decision_at_a_later_hour_than_the_entry_is_found() -> None:
    assert broken(hour=8) == []
    late = broken(entered_at=at(DAYS[1], 9, 30), session=DAYS[1], exited_at=at(DAYS[3], 15))
    assert any("before its entry" in rule for rule in late)
