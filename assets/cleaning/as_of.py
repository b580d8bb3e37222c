"""As of: what was known at an instant; the one read of dated facts, used by everything that looks at them.

First the rows that were not yet known are left out, then the latest of each key is taken. The other order would
bring back a row that a later one replaced, or lose a key whose latest row was still to come.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import polars as pl

from expectations.decisions import in_exchange_time

WHEN = "available_at"
ENTERED_WITH = ("revision",)
RANK, ROW = "_rank", "_row"
END = datetime(9999, 12, 31, tzinfo=UTC)
EVERYTHING_BEFORE = 10_000
"""Sessions of look-back that reach to the start of any market: what is known at an instant may be of any age."""


def as_of(
    facts: pl.LazyFrame, instant: datetime, by: Sequence[str], latest: Sequence[str] = ENTERED_WITH
) -> pl.LazyFrame:
    """The row of each key that counted at an instant, among those known by then.

    facts    dated rows with `available_at`; a row known at the instant itself counts
    instant  with time zone
    by       columns that make the key; null is a key of its own
    latest   columns, the most important first, by which one row is later than another; those that `facts` lacks are
             passed over. Then `available_at` decides, then the remaining columns in alphabetical order, null first:
             the order of the rows never does
    returns  one row per key in the order of the keys, with the columns of `facts`
    raises   ValueError for an instant or a column `available_at` without time zone, or a missing column
    """
    columns = _checked(facts, by)
    known = facts.filter(pl.col(WHEN) <= in_exchange_time(instant))
    winners = known.sort(_order(columns, latest), nulls_last=False).unique(by, keep="last", maintain_order=True)
    return winners.sort(by)


def holding(facts: pl.LazyFrame, instant: datetime, by: Sequence[str]) -> pl.LazyFrame:
    """The rows of a table of changes that held at an instant: of each key the latest change, where it says `holds`."""
    return as_of(facts, instant, by).filter(pl.col("holds"))


def as_of_join(
    decisions: pl.LazyFrame,
    facts: pl.LazyFrame,
    by: Sequence[str],
    at: str = "decided_at",
    latest: Sequence[str] = ENTERED_WITH,
) -> pl.LazyFrame:
    """Each decision with the row that `as_of` would give for its key at its instant; nulls where nothing was known.

    decisions  rows with the columns `by` and `at`; an instant that is null, and a key with a null, know nothing
    returns    the decisions in their order, with the further columns of `facts` and its `available_at` added
    raises     ValueError where columns lack, have one name in both, or an instant has no time zone
    """
    columns = _checked(facts, by)
    ours = _checked(decisions, by, at)
    added = [name for name in columns if name not in by]
    if twice := sorted({*added, *ours} & {*added} & {*ours}):
        raise ValueError(f"decisions and facts both have {twice}; rename or drop them on one side")
    ordered = decisions.with_row_index(ROW).with_columns(_at=_instants(at)).sort("_at", maintain_order=True)
    found = ordered.join_asof(
        _winners(facts, columns, by, latest),
        left_on="_at",
        right_on="_known",
        by=list(by),
        strategy="backward",
        check_sortedness=False,
    )
    return found.sort(ROW).select(*ours, *added)


def holding_join(
    decisions: pl.LazyFrame, facts: pl.LazyFrame, by: Sequence[str], on: Sequence[str] = (), at: str = "decided_at"
) -> pl.LazyFrame:
    """Each decision with every row of a table of changes that held at its instant: none, one or several.

    decisions  rows with the columns `on` and `at`
    facts      changes with `available_at` and `holds`
    by         columns of `facts` that make the key of what holds
    on         columns, in both and part of `by`, that must be equal; without any, all that held at the instant
    returns    the decisions with the further columns of `facts`, without `holds`; in no order
    """
    columns = _checked(facts, (*by, "holds"))
    ours = _checked(decisions, on, at)
    if stray := sorted(set(on) - set(by)):
        raise ValueError(f"`on` names {stray}, which is not part of the key {list(by)}")
    added = [name for name in columns if name not in (*on, "holds")]
    if twice := sorted(set(added) & set(ours)):
        raise ValueError(f"decisions and facts both have {twice}; rename or drop them on one side")
    spells = _spells(facts, columns, by)
    asked = decisions.with_columns(_at=_instants(at))
    spans = (pl.col("_at") >= pl.col("_known"), pl.col("_at") < pl.col("_until"))
    pairs = asked.join(spells, on=list(on), how="inner").filter(*spans) if on else asked.join_where(spells, *spans)
    return pairs.select(*ours, *added)


def _winners(facts: pl.LazyFrame, columns: Sequence[str], by: Sequence[str], latest: Sequence[str]) -> pl.LazyFrame:
    """Rows that are the latest of their key from some instant on, one per key and instant, in time order.

    A row that comes when a later one is already known never counts.
    """
    ranked = facts.filter(pl.col(WHEN).is_not_null()).sort(_order(columns, latest), nulls_last=False)
    in_time = ranked.with_row_index(RANK).sort(WHEN, RANK).with_columns(_known=_instants(WHEN))
    counting = in_time.filter(pl.col(RANK) == pl.col(RANK).cum_max().over(by))
    return counting.unique([*by, WHEN], keep="last", maintain_order=True).drop(RANK)


def _spells(facts: pl.LazyFrame, columns: Sequence[str], by: Sequence[str]) -> pl.LazyFrame:
    """Rows that hold, each with `_known` and with `_until`, when the next row of its key took its place."""
    rows = _winners(facts, columns, by, ENTERED_WITH)
    until = pl.col("_known").shift(-1).over(by).fill_null(END)  # looks ahead: a spell ends when the next row is known
    return rows.with_columns(_until=until).filter(pl.col("holds")).drop("holds")


def _instants(name: str) -> pl.Expr:
    return pl.col(name).dt.convert_time_zone("UTC").dt.cast_time_unit("us")


def _order(columns: Sequence[str], latest: Sequence[str]) -> list[str]:
    first = [name for name in latest if name in columns]
    return [*first, WHEN, *sorted(set(columns) - {*first, WHEN})]


def _checked(frame: pl.LazyFrame, by: Sequence[str], at: str = WHEN) -> list[str]:
    """The columns of a frame that has all of `by` and an instant `at`."""
    schema = frame.collect_schema()
    if missing := [name for name in (*by, at) if name not in schema]:
        raise ValueError(f"the frame has no column {missing}; it has {schema.names()}")
    kind = schema[at]
    if not isinstance(kind, pl.Datetime) or kind.time_zone is None:
        raise ValueError(f"column '{at}' is {kind}, which is no instant; give it a time zone")
    return schema.names()
