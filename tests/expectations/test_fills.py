"""Fills: what no order could have had."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from expectations.evidence import EXECUTION
from expectations.fills import execution, fills

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


@pytest.fixture(scope="module")
def bars(raw):
    return raw.with_columns(
        vwap=pl.when(~pl.col("is_suspended")).then(pl.col("amount") / pl.col("volume")), is_locked_up=False
    )


def unbuyable(labels, bars):
    return set(execution(labels, bars).filter(~pl.col("passed"))["rule"])


def test_labels_that_could_be_traded_pass(raw, labels, bars):
    evidence = execution(labels(raw), bars)
    assert evidence.schema == EXECUTION
    assert evidence["passed"].all()
    assert evidence["rows_checked"].min() > 0


def test_an_impossible_fill_is_found_by_its_rule(raw, labels, bars):
    honest = labels(raw)
    entry = honest.filter(security_id="sz000003")["entered_at"].drop_nulls()[20].date()
    at_entry = (pl.col("session") == entry) & (pl.col("security_id") == "sz000003")
    flagged = {flag: bars.with_columns(pl.col(flag) | at_entry) for flag in ("is_suspended", "is_locked_up")}
    assert unbuyable(honest, flagged["is_suspended"]) == {"a buy fills only where there is trading"}
    assert unbuyable(honest, flagged["is_locked_up"]) == {"a buy never fills at a locked upper limit"}
    assert unbuyable(honest, bars.filter(~at_entry)) == {
        "a buy fills only where there is a bar", "a buy fills only where there is trading",
        "a buy never fills at a locked upper limit",
    }  # fmt: skip
    far = bars.with_columns(vwap=pl.when(at_entry).then(pl.col("high") + 0.01).otherwise("vwap"))
    assert unbuyable(honest, far) == {"the vwap of a bar lies between its low and its high"}
    refused = honest.with_columns(status=pl.lit("refused_locked_up"))
    assert len(unbuyable(refused, bars)) == 5


def test_a_round_trip_in_one_session_and_a_fill_at_the_decision_are_found(raw, labels, bars):
    honest = labels(raw)
    same_day = honest.with_columns(exited_at=pl.col("entered_at") + pl.duration(hours=5))
    assert unbuyable(same_day, bars) == {"a position ends in a later session than it began"}
    at_once = honest.with_columns(
        entered_at=pl.col("session").dt.combine(time(15)).dt.replace_time_zone("Asia/Shanghai")
    )
    assert unbuyable(at_once, bars) == {"a buy fills in a later session than its decision"}
    example = execution(at_once, bars)["first_example"][0]
    assert example == "sz000000 2015-01-05 horizon 5"
