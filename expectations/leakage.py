"""Leakage: checks that no table knows its future, each a pure function that returns its evidence as a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from typing import Protocol

import polars as pl

from expectations.comparison import differences, keys, matched, ordered, place
from expectations.decisions import DECIDED_HOUR, decided_at, decision_instant, in_exchange_time
from expectations.decisions import decisions as decisions
from expectations.evidence import EXECUTION, FUTURE_PERTURBATION, PURGE, TIMESTAMP_ORDER
from expectations.perturbation import perturbed as perturbed
from expectations.perturbation import perturbed_facts
from expectations.tables import RawBars

Frames = Mapping[str, pl.DataFrame]
Replay = Callable[[Frames], Frames]

SHARE_ALIVE = 0.5
LATER_ROWS_LOOKED_AT = 20_000
HALF_A_CENT = 0.005
ROW_SET = "(rows)"


def future_perturbation(
    replay: Replay,
    raw: Frames,
    decisions: Sequence[datetime],
    targets: frozenset[str],
    seed: int,
    static: frozenset[str] = frozenset(),
    of_facts: frozenset[str] = frozenset(),
) -> pl.DataFrame:
    """What changed in the past of each table when the future of the raw tables was replaced, one replay per decision.

    replay     raw tables by key -> tables by key; with `session`, one row per session, security, horizon and seed
    decisions  instants; what had happened by then must stay the same in every row and column
    targets    tables that may see the future: labels settled by the decision stay, most that are open must change
    static     feature tables, or `table.column`, that do not depend on the bars: they need not move
    of_facts   tables made of dated facts: where a source tells so few that a column has one value, it need not move
    returns    FUTURE_PERTURBATION; the column '(rows)' stands for the set of rows, `alive` is null where not asked
    raises     ValueError when a table cannot be compared
    """
    if not decisions:
        raise ValueError("there is no decision instant to perturb after; give some, as `decisions` picks them")
    baseline = {name: ordered(name, frame) for name, frame in replay(raw).items()}
    if unknown := targets - set(baseline):
        raise ValueError(f"targets {sorted(unknown)} are not among the replayed tables {sorted(baseline)}")
    if undated := [name for name in targets if "exited_at" not in baseline[name].columns]:
        raise ValueError(f"targets {sorted(undated)} have no column 'exited_at'; say when each label is settled")
    rows: list[dict[str, object]] = []
    for number, instant in enumerate(map(in_exchange_time, decisions)):
        replayed = replay(_another_future(raw, instant, seed + number))
        for name, before in baseline.items():
            if name not in replayed or set(replayed[name].columns) != set(before.columns):
                raise ValueError(f"{name}: the table or a column is gone in a replay of other bars; return it always")
            after = ordered(name, replayed[name])
            found = evidence_of(name, before, after, instant, is_target=name in targets)
            must_move = name in targets or (name.startswith("features/") and name not in static)
            still = static | (_of_one_value(name, before) if name in of_facts else set())
            rows += [_judged(row, must_move and f"{name}.{row['column']}" not in still) for row in found]
    return pl.DataFrame(rows, schema=FUTURE_PERTURBATION)


def _another_future(raw: Frames, instant: datetime, seed: int) -> dict[str, pl.DataFrame]:
    bars = RawBars.asset_key
    facts = {key: perturbed_facts(frame, instant, seed) for key, frame in raw.items() if key != bars}
    return {bars: perturbed(raw[bars], instant, seed), **facts}


def evidence_of(
    name: str, before: pl.DataFrame, after: pl.DataFrame, instant: datetime, *, is_target: bool
) -> list[dict[str, object]]:
    """One row for the set of rows and one for each column; `alive` says whether the column follows the future."""
    past, past_after = _past(before, instant, is_target), _past(after, instant, is_target)
    same, same_after = matched(past, past_after)
    later = _later(before, instant, is_target)
    open_before, open_after = matched(later, after)
    gone = later.height - open_before.height if is_target else 0
    rows_later = open_before.height + gone
    shared = {"decided_at": instant, "table": name, "rows_compared": same.height}
    counts = {"rows_missing": past.height - same.height, "rows_added": past_after.height - same.height}
    apart = _first_apart(past, past_after) if any(counts.values()) else None
    rows: list[dict[str, object]] = [{**shared, "column": ROW_SET, "rows_changed": 0, **counts, "first_example": apart}]
    moved = differences(open_before, open_after)
    for column, found in differences(same, same_after).items():
        changed = moved[column].rows_changed + gone
        follows = changed > SHARE_ALIVE * rows_later if is_target else changed > 0
        is_asked = not is_target or before.schema[column].is_float()
        rows.append(
            {**shared, "column": column, "rows_changed": found.rows_changed, "rows_missing": 0, "rows_added": 0}
            | {"worst_difference": found.worst, "first_example": found.first_example}
            | {"rows_later": rows_later, "rows_later_changed": changed, "alive": follows if is_asked else None}
        )
    return rows


def _of_one_value(name: str, frame: pl.DataFrame) -> set[str]:
    return {f"{name}.{column.name}" for column in frame if column.drop_nulls().n_unique() <= 1}


def _judged(row: dict[str, object], must_move: bool) -> dict[str, object]:
    harmed = (row["rows_changed"], row["rows_missing"], row["rows_added"])
    return {**row, "alive": row.get("alive") if must_move else None, "passed": harmed == (0, 0, 0)}


def _past(frame: pl.DataFrame, instant: datetime, is_target: bool) -> pl.DataFrame:
    """Rows decided by the instant; of a target, those whose interval was over by then."""
    if is_target:
        return frame.filter(pl.col("exited_at") <= instant)
    return frame.head(int((frame["session"] <= instant.date()).sum()))


def _later(frame: pl.DataFrame, instant: datetime, is_target: bool) -> pl.DataFrame:
    """Rows decided after the instant, thinned out; of a target, those decided by then and still open."""
    if is_target:
        return frame.filter((pl.col("session") <= instant.date()) & (pl.col("exited_at") > instant))
    rows = frame.slice(int((frame["session"] <= instant.date()).sum()))
    return rows.gather_every(1 + rows.height // LATER_ROWS_LOOKED_AT)


def _first_apart(before: pl.DataFrame, after: pl.DataFrame) -> str | None:
    """The first row that only one of the two has, in words."""
    names = keys(before)
    for have, lack, what in ((before, after, "missing"), (after, before, "added")):
        alone = have.join(lack, on=names, how="anti", nulls_equal=True, maintain_order="left")
        if alone.height:
            return f"{place(alone.row(0, named=True))}: row {what}"
    return None


class Windows(Protocol):
    """The calendar dates that `purge` reads of a fold."""

    @property
    def key(self) -> str:
        """Calendar start of the test window, as text."""

    @property
    def train_start(self) -> date:
        """First day of train."""

    @property
    def valid_start(self) -> date:
        """First day of valid, and the end of train."""

    @property
    def test_start(self) -> date:
        """First day of test, and the end of valid."""

    @property
    def test_end(self) -> date:
        """First day after test."""


def purge(labels: pl.DataFrame, fold: Windows, decided_hour: int = DECIDED_HOUR) -> pl.DataFrame:
    """By boundary of a fold, whether every label kept before it was settled before the first decision after it.

    labels   rows of ForwardReturns for one horizon, with `segment`
    returns  PURGE; without rows before a boundary nothing is shown, and it fails
    """
    windows = {
        "train": (fold.train_start, fold.valid_start),
        "valid": (fold.valid_start, fold.test_start),
        "test": (fold.test_start, fold.test_end),
    }
    rows = [
        _boundary(labels, windows, before, after, decided_hour)
        for before, after in (("train", "valid"), ("train", "test"), ("valid", "test"))
    ]
    return pl.DataFrame([{"fold": fold.key, **row} for row in rows], schema=PURGE)


def _boundary(
    labels: pl.DataFrame, windows: Mapping[str, tuple[date, date]], before: str, after: str, hour: int
) -> dict[str, object]:
    window = {name: labels.filter(pl.col("session").is_between(*ends, closed="left")) for name, ends in windows.items()}
    kept = labels.filter(segment=before)
    astray = kept.height - window[before].filter(segment=before).height
    unsettled = kept["exited_at"].null_count()
    last = kept["exited_at"].max()
    opens = window[after]["session"].min()
    first = decision_instant(opens if isinstance(opens, date) else windows[after][0], hour)
    gap = (first - last).total_seconds() / 3600 if isinstance(last, datetime) else None
    return {
        "boundary": f"{before}|{after}",
        "rows_before": kept.height,
        "rows_unsettled": unsettled,
        "rows_astray": astray,
        "rows_purged": window[before].filter(segment="purged").height,
        "last_exit": last,
        "first_decision": first,
        "gap_hours": gap,
        "passed": gap is not None and gap > 0 and unsettled == 0 and astray == 0,
    }


def timestamp_order(bars: pl.DataFrame, decided_hour: int) -> pl.DataFrame:
    """By session, whether all its bars could be known at the decision. Returns TIMESTAMP_ORDER.

    A bar that arrives later than `decided_hour`, or at an unknown time, fails its session.
    """
    return (
        bars.group_by("session")
        .agg(
            rows=pl.len(),
            rows_undated=pl.col("available_at").null_count(),
            last_available_at=pl.col("available_at").max(),
        )
        .with_columns(decided_at=decided_at(pl.col("session"), decided_hour))
        .with_columns(
            passed=(pl.col("rows_undated") == 0)
            & (pl.col("last_available_at") <= pl.col("decided_at")).fill_null(value=False)
        )
        .sort("session")
        .select(pl.col(name).cast(kind) for name, kind in TIMESTAMP_ORDER.items())
    )


def execution(labels: pl.DataFrame, bars: pl.DataFrame) -> pl.DataFrame:
    """By rule, how many filled labels could not have been traded so, and how many bars have an impossible VWAP.

    labels   rows of ForwardReturns
    bars     rows of Bars, at least of the entry sessions
    returns  EXECUTION; a rule that met no row shows nothing, and fails
    """
    entry, left = pl.col("entered_at").dt.date(), pl.col("exited_at").dt.date()
    at_entry = bars.select("security_id", "is_suspended", "is_locked_up", entry="session", has_bar=True)
    filled = labels.filter(status="filled").with_columns(entry=entry)
    filled = filled.join(at_entry, on=["entry", "security_id"], how="left", maintain_order="left")
    traded = bars.filter(~pl.col("is_suspended"))
    low, high = pl.col("low") - HALF_A_CENT, pl.col("high") + HALF_A_CENT
    rows = [
        _rule("a buy fills in a later session than its decision", filled, entry > pl.col("session")),
        _rule("a position ends in a later session than it began", filled, left > entry),
        _rule("a buy fills only where there is a bar", filled, pl.col("has_bar")),
        _rule("a buy fills only where there is trading", filled, ~pl.col("is_suspended")),
        _rule("a buy never fills at a locked upper limit", filled, ~pl.col("is_locked_up")),
        _rule("the vwap of a bar lies between its low and its high", traded, pl.col("vwap").is_between(low, high)),
    ]
    return pl.DataFrame(rows, schema=EXECUTION)


def _rule(rule: str, frame: pl.DataFrame, holds: pl.Expr) -> dict[str, object]:
    broken = frame.filter(~holds.fill_null(value=False))
    return {
        "rule": rule,
        "rows_checked": frame.height,
        "rows_violating": broken.height,
        "first_example": place(broken.row(0, named=True)) if broken.height else None,
        "passed": frame.height > 0 and broken.height == 0,
    }
