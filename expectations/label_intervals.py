"""Label intervals: entry, exit, status and return of every label, made a second time and compared.

The second reading counts sessions by the calendar, never by rows, and shares no code with the first: it looks up the
next session that would do in one sorted list of all securities and sessions.
"""
# N traded bars, the decisions; the places of sessions are those of the calendar, T where there is none

from __future__ import annotations

from dataclasses import dataclass
from datetime import time

import numpy as np
import polars as pl
from numpy.typing import NDArray

from expectations.tables import EXCHANGE_TIME_ZONE

LABEL_INTERVALS = pl.Schema(
    {
        "horizon": pl.Int64(),
        "column": pl.String(),
        "rows_checked": pl.Int64(),
        "rows_violating": pl.Int64(),
        "worst_difference": pl.Float64(),
        "first_example": pl.String(),
        "passed": pl.Boolean(),
    }
)
ENTERED, EXITED = time(9, 30), time(15)
GIVEN_UP_AFTER = 60
"""Sessions without any row after which a name counts as delisted."""
HALF_A_CENT = 0.005
RTOL = 1e-9
ROW_SET = "(rows)"
KEY = ("session", "security_id")
RETURNS = ("forward_return", "paper_return")

Floats = NDArray[np.float64]
Places = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Reading:
    """What the bars say of selling: sorted keys `security * width + place` of rows, with what they are worth.

    traded      rows with a trade; `vwap`, `close` (adjusted) and `is_locked_up` belong to them
    sellable    traded rows that are not locked at the lower limit
    given_up    places at which the last row of a security is 60 sessions old
    """

    width: int
    sessions: pl.Series
    traded: Places
    vwap: Floats
    close: Floats
    is_locked_up: Flags
    sellable: Places
    given_up: Places


def label_intervals(labels: pl.DataFrame, bars: pl.DataFrame, calendar: pl.DataFrame) -> pl.DataFrame:
    """By horizon and column, how many labels a second reading of the bars does not confirm.

    labels    rows of ForwardReturns
    bars      rows of Bars, all of the span of the labels and what follows
    calendar  rows of Calendar
    returns   LABEL_INTERVALS; '(rows)' stands for labels that lack or should not be. No label shows nothing, and fails
    """
    reading, decisions = _read(bars, calendar)
    rows: list[dict[str, object]] = []
    for horizon in labels["horizon"].unique().sort().to_list() or [0]:
        expected = _expected(reading, decisions, int(horizon))
        rows += _compared(labels.filter(pl.col("horizon") == horizon).drop("horizon"), expected, int(horizon))
    return pl.DataFrame(rows, schema=LABEL_INTERVALS)


def _read(bars: pl.DataFrame, calendar: pl.DataFrame) -> tuple[Reading, pl.DataFrame]:
    """The bars by key, and the decisions: every traded bar of the calendar with its key."""
    sessions = calendar["session"].unique().sort()
    width = len(sessions) + 1
    places = pl.DataFrame({"session": sessions, "_place": np.arange(len(sessions))})
    keyed = (
        bars.join(places, on="session")
        .with_columns(_key=(pl.col("security_id").rank("dense").cast(pl.Int64) * width + pl.col("_place")))
        .sort("_key")
    )
    traded = keyed.filter(~pl.col("is_suspended"))
    locked_down = (traded["high"] <= traded["limit_down"] + HALF_A_CENT).fill_null(value=False)
    locked_up = (traded["low"] >= traded["limit_up"] - HALF_A_CENT).fill_null(value=False)
    of_traded = traded["_key"].to_numpy()
    reading = Reading(
        width=width,
        sessions=sessions,
        traded=of_traded,
        vwap=(traded["amount"] / traded["volume"] * traded["adj_factor"]).to_numpy(),
        close=(traded["close"] * traded["adj_factor"]).to_numpy(),
        is_locked_up=locked_up.to_numpy(),
        sellable=of_traded[~locked_down.to_numpy()],
        given_up=_given_up(keyed["_key"].to_numpy(), width),
    )
    return reading, traded.select(*KEY, "_key").sort(KEY)


def _given_up(known: Places, width: int) -> Places:
    """Keys at which the last row of a security, suspended ones too, is 60 sessions old."""
    follows = np.append(known[1:], np.iinfo(np.int64).max)
    follows = np.where(follows // width == known // width, follows, np.iinfo(np.int64).max)
    at = known + GIVEN_UP_AFTER
    inside = (known % width + GIVEN_UP_AFTER < width - 1) & (follows > at)
    return at[inside]


def _next(keys: Places, asked: Places, width: int) -> tuple[Places, Places]:
    """Place of the first of the sorted keys from each asked one on, within its security, and where it stands."""
    at = np.searchsorted(keys, asked)
    found = np.append(keys, -1)[at]
    same = found // width == asked // width
    return np.where(same, found % width, width - 1), at


def _expected(reading: Reading, decisions: pl.DataFrame, horizon: int) -> pl.DataFrame:
    """The columns of ForwardReturns but the horizon, for every decision."""
    width, last = reading.width, reading.width - 1
    asked = decisions["_key"].to_numpy()
    seen = asked % width + 1 < last
    entry = np.where(seen, asked + 1, asked)
    entry_at = np.searchsorted(reading.traded, entry)
    trades = seen & (np.append(reading.traded, -1)[entry_at] == entry)
    at = np.where(trades, entry_at, 0)
    own = np.searchsorted(reading.traded, asked)
    planned = asked + 1 + horizon
    inside = asked % width + 1 + horizon < last
    exited, earned_for = _sold(reading, np.where(inside, planned, asked))
    exited = np.where(inside, exited, last)
    paid = np.where(trades, reading.vwap[at], reading.close[own]) if len(own) else np.array([])
    paper = np.where(exited < last, earned_for / paid - 1, np.nan)
    locked = trades & reading.is_locked_up[at] if len(own) else trades
    status = np.select(
        [~seen, ~trades, locked, exited == last],
        ["pending", "refused_suspended", "refused_locked_up", "pending"],
        "filled",
    )
    entered = np.where(seen, asked % width + 1, last)
    return decisions.select(KEY).with_columns(
        entered_at=_instants(reading, entered, ENTERED),
        exited_at=_instants(reading, exited, EXITED),
        forward_return=pl.Series(np.where(status == "filled", paper, np.nan)).fill_nan(None),
        paper_return=pl.Series(paper).fill_nan(None),
        status=pl.Series(status, dtype=pl.String),
    )


def _sold(reading: Reading, asked: Places) -> tuple[Places, Floats]:
    """Where a name that is for sale from each asked key on is sold or given up, and for which adjusted price."""
    width = reading.width
    sold, at_sale = _next(reading.sellable, asked, width)
    gone, at_end = _next(reading.given_up, asked, width)
    sale = np.append(reading.sellable, 0)[at_sale]
    price = np.append(reading.vwap, np.nan)[np.searchsorted(reading.traded, sale)]
    end = np.append(reading.given_up, 0)[at_end]
    left_with = np.append(np.nan, reading.close)[np.searchsorted(reading.traded, end, side="right")]
    return np.minimum(sold, gone), np.where(gone < sold, left_with, price)


def _instants(reading: Reading, places: Places, hour: time) -> pl.Series:
    moments = reading.sessions.dt.combine(hour, "us").dt.replace_time_zone(EXCHANGE_TIME_ZONE)
    return moments.extend_constant(None, 1).gather(places)


def _compared(found: pl.DataFrame, expected: pl.DataFrame, horizon: int) -> list[dict[str, object]]:
    """One row for the set of labels and one for each column."""
    once = found.unique(KEY, keep="first", maintain_order=True)
    example, apart = None, found.height - once.height
    found = once
    if not found.select(KEY).equals(expected.select(KEY)):
        missing = expected.join(found, on=KEY, how="anti", maintain_order="left").select(*KEY, what=pl.lit("lacks"))
        added = found.join(expected, on=KEY, how="anti", maintain_order="left").select(*KEY, what=pl.lit("is too many"))
        alone = pl.concat([missing, added])
        apart += alone.height
        example = f"{_place(alone)}: {alone['what'][0]}" if alone.height else None
        found = found.join(expected, on=KEY, how="semi", maintain_order="left").sort(KEY)
        expected = expected.join(found, on=KEY, how="semi", maintain_order="left")
    rows = [_row(horizon, ROW_SET, found.height + apart, apart, example, None)]
    for name in ("status", "entered_at", "exited_at", *RETURNS):
        before, again = found[name], expected[name]
        wrong = before.ne_missing(again)
        if name in RETURNS:
            wrong &= ~((before - again).abs() <= RTOL * (1 + again.abs())).fill_null(value=False)
        at = found.select(KEY).filter(wrong)
        shown, meant = before.filter(wrong), again.filter(wrong)
        example = f"{_place(at)}: {name} is {shown[0]}; the bars say {meant[0]}" if len(shown) else None
        worst = (shown - meant).abs().max() if name in RETURNS else None
        rows.append(_row(horizon, name, found.height, len(shown), example, worst))
    return rows


def _place(rows: pl.DataFrame) -> str:
    return f"{rows['security_id'][0]} {rows['session'][0]}"


def _row(
    horizon: int, column: str, checked: int, violating: int, example: str | None, worst: object
) -> dict[str, object]:
    return {
        "horizon": horizon,
        "column": column,
        "rows_checked": checked,
        "rows_violating": violating,
        "worst_difference": worst,
        "first_example": example,
        "passed": checked > 0 and violating == 0,
    }
