"""Whole replay: everything made again from other raw rows, for a function of raw tables that is no table of the graph.

The gate goes table by table, which is quicker and sees more; what reads raw rows and has no inputs in store, such as
one rule of the cleaning, is replayed whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

import polars as pl

from expectations.comparison import ordered
from expectations.decisions import in_exchange_time
from expectations.evidence import FUTURE_PERTURBATION
from expectations.pasts import past_evidence
from expectations.perturbation import perturbed, perturbed_facts
from expectations.tables import RawBars

Frames = Mapping[str, pl.DataFrame]
Replay = Callable[[Frames], Frames]


def whole_replay(
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
            found = past_evidence(name, before, after, instant, is_target=name in targets)
            must_move = name in targets or (name.startswith("features/") and name not in static)
            still = static | (_of_one_value(name, before) if name in of_facts else set())
            rows += [_judged(row, must_move and f"{name}.{row['column']}" not in still) for row in found]
    return pl.DataFrame(rows, schema=FUTURE_PERTURBATION)


def _another_future(raw: Frames, instant: datetime, seed: int) -> dict[str, pl.DataFrame]:
    bars = RawBars.asset_key
    facts = {key: perturbed_facts(frame, instant, seed) for key, frame in raw.items() if key != bars}
    return {bars: perturbed(raw[bars], instant, seed), **facts}


def _of_one_value(name: str, frame: pl.DataFrame) -> set[str]:
    return {f"{name}.{column.name}" for column in frame if column.drop_nulls().n_unique() <= 1}


def _judged(row: dict[str, object], must_move: bool) -> dict[str, object]:
    harmed = (row["rows_changed"], row["rows_missing"], row["rows_added"])
    return {**row, "alive": row.get("alive") if must_move else None, "passed": harmed == (0, 0, 0)}
