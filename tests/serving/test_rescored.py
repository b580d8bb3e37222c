"""Lists scored again: what differs is named, with what changed in what was read."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from assets.serving.rescored import Rescored, changes, fingerprint, rescored

DAYS = [date(2015, 6, day) for day in (1, 2, 3)]


def table(**changed: float) -> pl.LazyFrame:
    rows = [(day, name, float(len(name)) + day.day) for day in DAYS for name in ("a", "b")]
    frame = pl.DataFrame(rows, schema=["session", "security_id", "close"], orient="row")
    for place, value in changed.items():
        name, number = place.split("_")
        here = (pl.col("security_id") == name) & (pl.col("session") == DAYS[int(number)])
        frame = frame.with_columns(close=pl.when(here).then(value).otherwise("close"))
    return frame.lazy()


def test_a_name_whose_forecast_differs_is_told_with_what_changed():
    issued = pl.DataFrame({"session": DAYS[0], "security_id": ["a", "b", "gone"], "forecast": [0.1, 0.2, 0.3]})
    now = pl.DataFrame({"session": DAYS[0], "security_id": ["a", "b", "new"], "forecast": [0.1, 0.25, 0.4]})
    made = Rescored.validate(rescored(issued, now, "bars: b on 2015-06-01").with_columns(horizon=5), cast=True)
    assert dict(made.select("security_id", "is_same").rows()) == {"a": True, "b": False, "gone": False, "new": False}
    assert dict(made.select("security_id", "explanation").rows())["a"] is None
    assert set(made.filter(~pl.col("is_same"))["explanation"]) == {"bars: b on 2015-06-01"}
    assert rescored(issued, now, "")["explanation"].to_list()[1] == "nothing that is read changed"


@pytest.mark.parametrize(
    ("after", "words"),
    [
        ({}, ""),
        ({"b_1": 9.5}, "cleaning/bars: b on 2015-06-02"),
        ({"a_0": 9.5, "b_2": 7.5}, "cleaning/bars: a, b on 2015-06-01, 2015-06-03"),
    ],
)
def test_what_changed_is_named_by_table_name_and_session(after, words):
    before, now = (
        fingerprint({"cleaning/bars": bars, "features/x": table()}, DAYS[0], DAYS[2])
        for bars in (table(), table(**after))
    )
    assert changes(before, now) == words


def test_what_lies_outside_of_what_was_read_does_not_count():
    before, now = (fingerprint({"bars": bars}, DAYS[0], DAYS[1]) for bars in (table(), table(b_2=1.0)))
    assert changes(before, now) == ""
    fewer = fingerprint({"bars": table().filter(pl.col("session") < DAYS[1])}, DAYS[0], DAYS[1])
    assert changes(before, fewer) == "bars: a, b on 2015-06-02"


def test_more_names_than_one_reads_are_counted():
    rows = pl.DataFrame({"session": DAYS[0], "security_id": [f"s{i}" for i in range(6)], "close": 1.0})
    before, now = (fingerprint({"bars": one.lazy()}, DAYS[0], DAYS[0]) for one in (rows, rows.with_columns(close=2.0)))
    assert changes(before, now) == "bars: s0, s1, s2 and 3 more on 2015-06-01"
