"""Index returns: what each index earned from close to close in the sessions of a portfolio."""

from __future__ import annotations

import polars as pl

PROXY = "proxy"


def index_returns(index_bars: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """One column for each index that has a return in every asked session, beside `session`; reported ones first.

    index_bars  rows of `expectations.fact_tables.IndexBars`
    sessions    of the portfolio, in time order
    returns     simple returns. An index of the source counts no dividends where the source does not; the index of all
                bars, which stands for a source without one, counts them in
    """
    inside = index_bars.filter(pl.col("session").is_between(sessions.min(), sessions.max())).sort("index_id", "session")
    earlier = index_bars.sort("index_id", "session").select(
        "session", "index_id", before=pl.col("close").shift(1).over("index_id")
    )
    moved = inside.join(earlier, on=["session", "index_id"], how="left", maintain_order="left").select(
        "session",
        "index_id",
        is_proxy=pl.col("origin") == PROXY,
        moved=pl.col("close") / pl.coalesce("prev_close", "before") - 1,
    )
    whole = (
        moved.drop_nulls("moved")
        .group_by("index_id", maintain_order=True)
        .agg(pl.col("is_proxy").any(), told=pl.col("session").is_in(sessions.implode()).sum())
        .filter(pl.col("told") == len(sessions))
        .sort("is_proxy", "index_id")
    )
    found = pl.DataFrame({"session": sessions})
    for index in whole["index_id"]:
        one = moved.filter(pl.col("index_id") == index).select("session", pl.col("moved").alias(index))
        found = found.join(one, on="session", how="left", maintain_order="left")
    return found
