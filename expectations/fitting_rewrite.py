"""Rewritten windows: the tables of a fold with all that became known in a span of sessions put in another way.

What is rewritten stays of its kind: values come from the same column, members and others from the same names, labels
keep an entry and an exit; and the set of rows is another one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from expectations.decisions import decided_at, decision_instant
from expectations.perturbation import perturbed_facts

Frames = Mapping[str, pl.DataFrame]

CALENDAR, UNIVERSE, LABELS, INDUSTRIES = "calendar", "universe", "labels", "industries"
KEYS = ("session", "security_id")
ROWS_DROPPED = 0.16
VALUES_LOST = 0.05
MEMBERS_TURNED = 0.25
LABELS_REFUSED = 0.1
NEWCOMERS = 2
LONGEST_DELAY = 3
TYPICAL_RETURN = 0.05


def rewritten(frames: Frames, start: date, end: date, hour: int, seed: int) -> dict[str, pl.DataFrame]:
    """The frames of a fold with every row of the sessions from `start` until before `end` replaced by another.

    Rows of the first session stay in their place, so that windows open when they did. A label of an earlier session
    that is settled only after the first decision of the span gets another value too: it was not known before.

    frames   calendar (kept as it is), universe, labels of one horizon, industries where asked for, and feature groups
    hour     hour of the decision, exchange time
    seed     the same seed gives the same rows
    returns  the same names; rows in another order
    """
    sessions = frames[CALENDAR]["session"].filter(frames[CALENDAR]["session"].is_between(start, end, closed="left"))
    rng = np.random.default_rng(seed)
    added = _newcomers(frames[UNIVERSE], start, end, rng)
    found: dict[str, pl.DataFrame] = {}
    for number, (name, frame) in enumerate(frames.items()):
        own = np.random.default_rng([seed, number])
        if name == CALENDAR or sessions.is_empty():
            found[name] = frame
        elif name == INDUSTRIES:
            before = decision_instant(start, hour) - timedelta(days=1)
            found[name] = perturbed_facts(frame, before, seed)
        else:
            found[name] = _frame(name, frame, (start, end), added, hour, own)
    return found


def rows_within(frames: Frames, start: date, end: date) -> int:
    """How many rows of the frames lie in the sessions from `start` until before `end`."""
    dated = [frame["session"] for name, frame in frames.items() if name not in (CALENDAR, INDUSTRIES)]
    return sum(int(sessions.is_between(start, end, closed="left").sum()) for sessions in dated)


def _newcomers(universe: pl.DataFrame, start: date, end: date, rng: np.random.Generator) -> dict[str, str]:
    """Names that the span knows, and the unknown ones that are listed in it with their rows."""
    inside = universe.filter(pl.col("session").is_between(start, end, closed="left"))
    names = inside["security_id"].unique().sort().to_list()
    chosen = rng.permutation(len(names))[:NEWCOMERS]
    return {names[place]: f"{names[place]}_new" for place in chosen}


def _frame(
    name: str,
    frame: pl.DataFrame,
    span: tuple[date, date],
    added: Mapping[str, str],
    hour: int,
    rng: np.random.Generator,
) -> pl.DataFrame:
    is_inside = pl.col("session").is_between(*span, closed="left")
    before, after = frame.filter(pl.col("session") < span[0]), frame.filter(pl.col("session") >= span[1])
    inside = frame.filter(is_inside)
    opens = _first_decision(inside, span[0], hour)
    first = inside["session"] == inside["session"].min()
    kept = inside.filter(first.fill_null(value=False) | pl.Series(rng.random(inside.height) >= ROWS_DROPPED))
    listed = kept.filter(pl.col("security_id").is_in(list(added))).with_columns(
        pl.col("security_id").replace_strict(dict(added), return_dtype=pl.String)
    )
    rows = pl.concat([kept, listed])
    if name == LABELS:
        rows, before = _labels(rows, hour, rng), _unsettled(before, opens, rng)
    elif name == UNIVERSE:
        rows = _members(rows, rng)
    else:
        rows = rows.with_columns([_moved(rows[column], rng) for column in rows.columns if column not in KEYS])
    whole = pl.concat([before, rows, after])
    return whole[rng.permutation(whole.height)]


def _first_decision(inside: pl.DataFrame, start: date, hour: int) -> datetime:
    first = inside["session"].min()
    return decision_instant(first if isinstance(first, date) else start, hour)


def _moved(column: pl.Series, rng: np.random.Generator) -> pl.Series:
    """The values of a column in another order, numbers on another scale and in another place, some of them lost."""
    shuffled = column.gather(rng.permutation(column.len()))
    if column.dtype.is_numeric():
        spread = column.cast(pl.Float64).fill_nan(None).std() or 0.0
        noise = pl.Series(rng.normal(1.0, 1.0, column.len())) * float(spread)  # type: ignore[arg-type]
        shuffled = shuffled * pl.Series(rng.lognormal(0.5, 1.0, column.len())) + noise
        shuffled = shuffled.abs().round() if column.dtype.is_integer() else shuffled
    elif column.dtype == pl.Boolean:
        shuffled = shuffled ^ pl.Series(rng.random(column.len()) < MEMBERS_TURNED)
    lost = pl.Series(rng.random(column.len()) < VALUES_LOST)
    return pl.select(pl.when(~lost).then(shuffled)).to_series().cast(column.dtype).alias(column.name)


def _members(rows: pl.DataFrame, rng: np.random.Generator) -> pl.DataFrame:
    turned = pl.Series(rng.random(rows.height) < MEMBERS_TURNED)
    return rows.with_columns(is_member=pl.col("is_member") ^ turned)


def _labels(rows: pl.DataFrame, hour: int, rng: np.random.Generator) -> pl.DataFrame:
    """Other returns; some filled orders refused, those refused or pending filled; exits up to three days later."""
    delay = pl.lit(pl.Series(rng.integers(0, LONGEST_DELAY + 1, rows.height)))
    refused = pl.Series(rng.random(rows.height) < LABELS_REFUSED)
    decided = decided_at(pl.col("session"), hour)
    exited = pl.col("exited_at").fill_null(decided + pl.duration(days=LONGEST_DELAY))
    return rows.with_columns(
        forward_return=pl.when(~refused).then(_returns(rows, rng)),
        paper_return=_returns(rows, rng),
        entered_at=pl.col("entered_at").fill_null(decided + pl.duration(hours=12)),
        exited_at=exited + pl.duration(days=delay),
        status=pl.when(refused).then(pl.lit("refused_locked_up")).otherwise(pl.lit("filled")),
    )


def _unsettled(before: pl.DataFrame, opens: datetime, rng: np.random.Generator) -> pl.DataFrame:
    """Rows before the span with other values where the label was not settled when the span opened."""
    is_open = (pl.col("exited_at") >= opens).fill_null(value=False)
    other = pl.Series(_returns(before, rng))
    changed = [pl.when(is_open).then(other).otherwise(name).alias(name) for name in ("forward_return", "paper_return")]
    return before.with_columns(changed)


def _returns(rows: pl.DataFrame, rng: np.random.Generator) -> pl.Series:
    return pl.Series(rng.normal(0.0, TYPICAL_RETURN, rows.height))
