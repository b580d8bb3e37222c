"""Label intervals: two readings of the same bars agree, and a label that is off is named."""

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.targets.forward_returns import forward_returns
from expectations.label_intervals import LABEL_INTERVALS, label_intervals
from expectations.tables import Bars

ZONE = ZoneInfo("Asia/Shanghai")
DAYS = [day for i in range(160) if (day := date(2015, 1, 5) + timedelta(days=i)).weekday() < 5]
CALENDAR = pl.DataFrame({"session": DAYS, "securities_traded": np.full(len(DAYS), 3, np.uint32)})


def market(seed: int, gone: float = 0.02, halted: float = 0.1, locked: float = 0.1) -> pl.DataFrame:
    """Three names over 114 sessions: rows that lack, one long spell without any, halts, and days at a limit."""
    rng = np.random.default_rng(seed)
    parts = []
    for name in ("sh600001", "sz000002", "sz300003"):
        many = len(DAYS)
        close = np.round(10 * np.exp(np.cumsum(rng.normal(0, 0.02, many))), 2)
        kind = rng.choice(3, many, p=[1 - locked, locked / 2, locked / 2])
        part = pl.DataFrame(
            {
                "session": DAYS, "security_id": name, "board": "main", "open": close, "high": close + 0.1,
                "low": close - 0.1, "close": close, "vwap": close, "volume": 100.0, "amount": close * 100,
                "prev_close": close, "adj_factor": np.where(np.arange(many) < 50, 1.0, 1.5),
                "limit_up": np.where(kind == 1, close - 0.1, close + 1),
                "limit_down": np.where(kind == 2, close + 0.1, 1),
                "is_suspended": rng.random(many) < halted, "is_st": False, "is_new_listing": False,
                "is_locked_up": kind == 1, "is_locked_down": kind == 2,
                "available_at": [datetime.combine(day, time(16), ZONE) for day in DAYS],
            }
        )  # fmt: skip
        start = int(rng.integers(0, many))
        spell = (np.arange(many) >= start) & (np.arange(many) < start + int(rng.integers(0, 90)))
        parts.append(part.filter(~pl.Series(spell | (rng.random(many) < gone))))
    prices = ("open", "high", "low", "close", "vwap")
    rows = pl.concat(parts).with_columns(pl.when(~pl.col("is_suspended")).then(pl.col(n)).alias(n) for n in prices)
    idle = [pl.when(~pl.col("is_suspended")).then(pl.col(n)).otherwise(0.0).alias(n) for n in ("volume", "amount")]
    at_limit = [(pl.col(n) & ~pl.col("is_suspended")).alias(n) for n in ("is_locked_up", "is_locked_down")]
    return Bars.validate(rows.with_columns(*idle, *at_limit).sort("session", "security_id"), cast=True)


def labels_of(bars: pl.DataFrame) -> pl.DataFrame:
    return forward_returns(bars.lazy(), CALENDAR.lazy()).collect()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0, 0.3), st.floats(0, 0.6), st.floats(0, 0.6))
def test_two_readings_of_any_bars_agree(seed: int, gone: float, halted: float, locked: float) -> None:
    bars = market(seed, gone, halted, locked)
    found = label_intervals(labels_of(bars), bars, CALENDAR)
    assert found.schema == LABEL_INTERVALS
    assert found.filter(~pl.col("passed")).rows() == []


@pytest.fixture(scope="module")
def bars() -> pl.DataFrame:
    return market(2)


def wrong(labels: pl.DataFrame, bars: pl.DataFrame) -> dict[str, tuple[int, str]]:
    found = label_intervals(labels, bars, CALENDAR).filter(~pl.col("passed"))
    return {row["column"]: (row["horizon"], row["first_example"]) for row in found.to_dicts()}


CELLS = {
    "forward_return": pl.col("forward_return") + 1e-6,
    "paper_return": pl.col("paper_return") * 1.001,
    "entered_at": pl.col("entered_at").dt.offset_by("1d"),
    "exited_at": pl.col("exited_at").dt.offset_by("-1d"),
    "status": pl.lit("pending"),
}


@pytest.mark.parametrize("column", CELLS)
def test_one_cell_that_is_off_is_named_with_its_place(column: str, bars: pl.DataFrame) -> None:
    labels = labels_of(bars)
    one = labels.filter(status="filled", horizon=3).row(20, named=True)
    is_it = pl.all_horizontal(pl.col(name) == one[name] for name in ("session", "security_id", "horizon"))
    spoilt = labels.with_columns(pl.when(is_it).then(CELLS[column]).otherwise(column).alias(column))
    ((name, (horizon, example)),) = wrong(spoilt, bars).items()
    assert (name, horizon) == (column, 3)
    assert example.startswith(f"{one['security_id']} {one['session']}: {column} is ")


def test_labels_that_lack_are_too_many_or_come_twice_are_found(bars: pl.DataFrame) -> None:
    labels = labels_of(bars)
    last = labels.tail(1).with_columns(security_id=pl.lit("sz999999"))
    for other, words in (
        (labels[8:], "lacks"),
        (pl.concat([labels, last]), "is too many"),
        (pl.concat([labels, labels.head(4)]), None),
    ):
        found = wrong(other, bars)
        assert set(found) == {"(rows)"}
        assert words is None or found["(rows)"][1].endswith(words)


def test_no_labels_show_nothing(bars: pl.DataFrame) -> None:
    assert not label_intervals(labels_of(bars).clear(), bars, CALENDAR)["passed"].any()


def test_a_delisted_name_ends_at_its_last_close_when_60_sessions_are_over() -> None:
    whole = market(0, 0, 0, 0)
    ends = (pl.col("security_id") == "sh600001") & (pl.col("session") > DAYS[20])
    bars = whole.filter(~ends)
    labels = labels_of(bars)
    last = bars.filter(security_id="sh600001")["session"].max()
    given_up = datetime.combine(DAYS[DAYS.index(last) + 60], time(15), ZONE)
    of_it = labels.filter(pl.col("security_id") == "sh600001", pl.col("entered_at").dt.date() <= last)
    assert given_up in of_it["exited_at"]
    assert wrong(labels, bars) == {}
    at_the_end = datetime.combine(last, time(15), ZONE)
    early = labels.with_columns(
        exited_at=pl.when(pl.col("exited_at") == given_up).then(pl.lit(at_the_end)).otherwise("exited_at")
    )
    assert set(wrong(early, bars)) == {"exited_at"}
