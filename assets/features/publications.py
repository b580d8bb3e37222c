"""Publications: the instants at which more became known of a security's statements, and what was known at each.

Between two publications nothing changes, so everything about statements is worked out once a publication and never once
a session. Each cell is read as of the publication: the first value until a restatement is known, then the restated one.
"""
# N publications, Q quarters back

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.as_of import as_of_join
from assets.features.statement_items import MEANINGS, NET_PROFIT, meant

FIRST_NET_PROFIT = "first_net_profit"
CELLS = (*MEANINGS, FIRST_NET_PROFIT)
QUARTERS = 14
"""The latest quarter, eight before it, their quarters a year before, and what is taken off the earliest of these."""
BATCH = 40_000
LATEST = ("preferred", "revision")

Known = dict[str, NDArray[np.float64]]


def publications(statements: pl.LazyFrame) -> pl.DataFrame:
    """One row for each security and instant at which an item of its statements became known, net profit among them.

    returns  security_id, available_at, in the order of both; `publication`, the number of the row;
             `quarter`, the latest of which net profit is known (4 * year + 0 to 3);
             `announced_at`, when its net profit was first known, and `announced_before_at`, when that of the quarter
             before was, null where it is not; `restated_at`, when an item was last restated, null where never;
             `delay`, days from the end of `quarter` to its first report, null where the date of that is assumed
    """
    at, whose = "available_at", "security_id"
    facts = meant(statements).with_columns(quarter=_quarter(), is_profit=pl.col("means") == NET_PROFIT)
    told = facts.group_by(whose, at).agg(
        told=pl.col("quarter").filter("is_profit").max(),
        restated_at=pl.col(at).filter(pl.col("revision") > 0).max(),
    )
    latest = pl.col("told").cum_max().forward_fill().over(whose)
    restated = pl.col("restated_at").forward_fill().over(whose)
    rows = told.sort(whose, at).with_columns(quarter=latest, restated_at=restated).drop("told")
    rows = rows.filter(pl.col("quarter").is_not_null()).with_row_index("publication")
    firsts = facts.filter("is_profit").sort(at, "revision", "published_on").unique([whose, "quarter"], keep="first")
    return _announced(rows, firsts.select(whose, "quarter", announced_at=at, delay=_delay())).collect()


def known_at(rows: pl.DataFrame, statements: pl.LazyFrame) -> Known:
    """What was known at an instant of a quarter and of those before it, by meaning.

    rows     security_id, available_at, quarter
    returns  meaning -> [N, Q], `quarter` first, NaN where nothing was known. `first_net_profit` is what was
             published first, whatever was known later
    """
    facts, cells = _cells(meant(statements))
    known = {name: np.full((rows.height, QUARTERS), np.nan) for name in CELLS}
    names = [name for name in CELLS if name in cells]
    for start in range(0, rows.height if names else 0, BATCH):
        batch = rows.slice(start, BATCH)
        read = _read(batch, facts, names)
        for place, name in enumerate(names):
            known[name][start : start + batch.height] = read[:, :, place]
    return known


def _quarter() -> pl.Expr:
    """Number of the quarter that a period ends, 4 * year + 0 to 3."""
    return pl.col("period_end").dt.year() * 4 + pl.col("period_end").dt.quarter().cast(pl.Int32) - 1


def _delay() -> pl.Expr:
    days = (pl.col("published_on") - pl.col("period_end")).dt.total_days().cast(pl.Float64)
    return pl.when(~pl.col("is_deadline_assumed")).then(days)


def _announced(rows: pl.LazyFrame, firsts: pl.LazyFrame) -> pl.LazyFrame:
    """`rows` with the first report of `quarter`, and with that of the quarter before, if it is known by then."""
    keys = ["security_id", "quarter"]
    before = firsts.select("security_id", pl.col("quarter") + 1, announced_before_at="announced_at")
    found = rows.join(firsts, on=keys, how="left", maintain_order="left")
    found = found.join(before, on=keys, how="left", maintain_order="left")
    is_known = pl.col("announced_before_at") <= pl.col("available_at")
    return found.with_columns(announced_before_at=pl.when(is_known).then("announced_before_at"))


def _cells(facts: pl.LazyFrame) -> tuple[pl.LazyFrame, set[str]]:
    """The facts by security, quarter and meaning, first reports of net profit once more; and the meanings found."""
    rows = facts.select(
        "security_id", "means", "preferred", "revision", "value", "available_at", quarter=_quarter()
    ).collect()
    first = rows.filter((pl.col("means") == NET_PROFIT) & (pl.col("revision") == 0))
    both = pl.concat([rows, first.with_columns(means=pl.lit(FIRST_NET_PROFIT))])
    return both.lazy(), set(both["means"].unique())


def _read(batch: pl.DataFrame, facts: pl.LazyFrame, names: list[str]) -> NDArray[np.float64]:
    """Values as of each publication, [N, Q, meanings]; NaN where none."""
    back = pl.DataFrame({"back": np.arange(QUARTERS, dtype=np.int32)})
    asked = batch.select("security_id", "quarter", decided_at="available_at")
    asked = asked.join(back, how="cross", maintain_order="left_right").with_columns(
        quarter=pl.col("quarter") - pl.col("back")
    )
    asked = asked.drop("back").join(pl.DataFrame({"means": names}), how="cross", maintain_order="left_right")
    found = as_of_join(asked.lazy(), facts, ("security_id", "quarter", "means"), latest=LATEST).collect()
    values: NDArray[np.float64] = found["value"].fill_null(np.nan).to_numpy()
    return values.reshape(batch.height, QUARTERS, len(names))
