"""Rewritten windows: all of the span is put in another way, and nothing that was known before it."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.decisions import decision_instant
from expectations.fitting_rewrite import rewritten, rows_within
from expectations.tables import EXCHANGE_TIME_ZONE

HOUR = 20
SESSIONS = [date(2015, 1, 1) + timedelta(days=number) for number in range(40)]
SECURITIES = [f"s{number}" for number in range(12)]
KEYS = ["session", "security_id"]
ZONE = ZoneInfo(EXCHANGE_TIME_ZONE)
INSTANT = pl.Datetime("us", EXCHANGE_TIME_ZONE)


def frames() -> dict[str, pl.DataFrame]:
    rng = np.random.default_rng(100)
    keys = pl.DataFrame({"session": SESSIONS}).join(pl.DataFrame({"security_id": SECURITIES}), how="cross")
    left = [datetime(day.year, day.month, day.day, 15, tzinfo=ZONE) + timedelta(days=6) for day in SESSIONS]
    exits = pl.Series([moment for moment in left for _ in SECURITIES], dtype=INSTANT)
    value = pl.Series(rng.normal(0, 1, keys.height))
    return {
        "calendar": pl.DataFrame({"session": SESSIONS}),
        "universe": keys.with_columns(is_member=pl.lit(True)),
        "labels": keys.with_columns(
            entered_at=exits - timedelta(days=5), exited_at=exits, forward_return=value, paper_return=value,
            status=pl.lit("filled"),
        ),
        "industries": pl.DataFrame(
            {"security_id": SECURITIES, "industry": [f"i{n % 3}" for n in range(12)], "holds": [True] * 12,
             "available_at": pl.Series([decision_instant(SESSIONS[3 * n], HOUR) for n in range(12)], dtype=INSTANT)}
        ),
        "group": keys.with_columns(
            ratio=value, count=pl.Series(rng.integers(0, 9, keys.height), dtype=pl.UInt32),
            flag=pl.Series(rng.random(keys.height) < 0.5), level=pl.lit(None, dtype=pl.Float32),
        ),
    }  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 37), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_what_was_known_before_the_span_or_lies_after_it_stays(start: int, length: int, seed: int) -> None:
    first, end = SESSIONS[start], SESSIONS[start] + timedelta(days=length)
    given_frames = frames()
    found = rewritten(given_frames, first, end, HOUR, seed)
    opens = decision_instant(first, HOUR)
    outside = ~pl.col("session").is_between(first, end, closed="left")
    for name in ("universe", "group"):
        assert found[name].filter(outside).sort(KEYS).equals(given_frames[name].filter(outside).sort(KEYS))
    settled = (pl.col("session") >= end) | ((pl.col("session") < first) & (pl.col("exited_at") < opens))
    assert found["labels"].filter(settled).sort(KEYS).equals(given_frames["labels"].filter(settled).sort(KEYS))
    earlier = pl.col("available_at") < opens - timedelta(days=1)
    industries = [frame["industries"].filter(earlier).sort("security_id") for frame in (found, given_frames)]
    assert industries[0].equals(industries[1])
    assert found["calendar"].equals(given_frames["calendar"])
    for name, frame in found.items():
        assert frame.schema == given_frames[name].schema


def test_inside_the_span_rows_come_and_go_and_every_column_is_another() -> None:
    given_frames, first, end = frames(), SESSIONS[10], SESSIONS[30]
    found = rewritten(given_frames, first, end, HOUR, 100)
    inside = pl.col("session").is_between(first, end, closed="left")
    for name in ("universe", "labels", "group"):
        before, after = given_frames[name].filter(inside), found[name].filter(inside)
        assert after.join(before, on=KEYS, how="anti")["security_id"].str.ends_with("_new").all()
        assert after.join(before, on=KEYS, how="anti").height > 10
        assert before.join(after, on=KEYS, how="anti").height > 10
        assert after.filter(pl.col("session") == first).join(before, on=KEYS, how="semi").height == len(SECURITIES)
        assert not after.select(KEYS).is_duplicated().any()
        both = before.join(after, on=KEYS, suffix="_after")
        for column in set(before.columns) - {*KEYS, "level", "entered_at"}:
            share = both.select(pl.col(column).ne_missing(pl.col(f"{column}_after")).mean()).item()
            assert share > 0.05, (name, column)
    assert rows_within(given_frames, first, end) == 3 * 20 * len(SECURITIES)


def test_labels_that_were_open_when_the_span_began_get_another_value_and_keep_their_exit() -> None:
    given_frames, first = frames(), SESSIONS[20]
    found = rewritten(given_frames, first, SESSIONS[30], HOUR, 100)["labels"].sort(KEYS)
    before = given_frames["labels"].sort(KEYS)
    is_open = (pl.col("session") < first) & (pl.col("exited_at") >= decision_instant(first, HOUR))
    opened, was = found.filter(is_open), before.filter(is_open)
    assert opened.height == was.height == 5 * len(SECURITIES)
    assert opened["exited_at"].equals(was["exited_at"])
    assert (opened["forward_return"] != was["forward_return"]).all()


@pytest.mark.parametrize("seed", [100, 101])
def test_the_same_seed_gives_the_same_rows(seed: int) -> None:
    one, two = (rewritten(frames(), SESSIONS[10], SESSIONS[20], HOUR, seed) for _ in range(2))
    assert all(one[name].equals(two[name]) for name in one)
    assert not one["group"].equals(rewritten(frames(), SESSIONS[10], SESSIONS[20], HOUR, seed + 7)["group"])
