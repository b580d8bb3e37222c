"""Refused facts: the raw facts that were not accepted, each with the rule it breaks and the values found."""

from collections.abc import Callable
from datetime import date

import dataframely as dy
import polars as pl

from assets.cleaning import (
    float_shares,
    index_bars,
    index_members,
    industries,
    news,
    policy_events,
    statements,
    supply_chain,
)
from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.fact_admission import ROW
from assets.table import table
from expectations.fact_tables import RefusedFacts
from expectations.facts import (
    RAW_FACTS,
    RawFloatShares,
    RawIndexBars,
    RawIndexMembers,
    RawIndustries,
    RawNews,
    RawPolicyEvents,
    RawStatements,
    RawSupplyChain,
)
from expectations.tables import Table

UNDATED = date(1, 1, 1)
"""Stands for no date: rows without one lie in the first month, as they do among the raw ones."""
Judge = Callable[[pl.DataFrame], pl.DataFrame]
RAW = tuple(schema.asset_key.replace("/", "_") for schema in RAW_FACTS)


@table(look_back=dict.fromkeys(RAW, EVERYTHING_BEFORE))
def refused_facts(
    raw_statements: dy.LazyFrame[RawStatements],
    raw_news: dy.LazyFrame[RawNews],
    raw_policy_events: dy.LazyFrame[RawPolicyEvents],
    raw_supply_chain: dy.LazyFrame[RawSupplyChain],
    raw_industries: dy.LazyFrame[RawIndustries],
    raw_index_members: dy.LazyFrame[RawIndexMembers],
    raw_float_shares: dy.LazyFrame[RawFloatShares],
    raw_index_bars: dy.LazyFrame[RawIndexBars],
) -> dy.LazyFrame[RefusedFacts]:
    """Raw facts that were refused; with the admitted tables they are all the facts that the source delivered.

    The first rule that a row breaks is named, and the row is kept as it was delivered.
    """
    refused = [
        _refused(raw_statements, RawStatements, statements.judged),
        _refused(raw_news, RawNews, news.judged),
        _refused(raw_policy_events, RawPolicyEvents, policy_events.judged),
        _refused(raw_supply_chain, RawSupplyChain, supply_chain.judged),
        _refused(raw_industries, RawIndustries, industries.judged),
        _refused(raw_index_members, RawIndexMembers, index_members.judged),
        _refused(raw_float_shares, RawFloatShares, float_shares.judged),
        _refused(raw_index_bars, RawIndexBars, index_bars.judged),
    ]
    rows = pl.concat(refused).sort("known_on", "table", "rule", "row", "delivery")
    return RefusedFacts.cast(rows.lazy())


def _refused(facts: pl.LazyFrame, schema: type[Table], judge: Judge) -> pl.DataFrame:
    raw = facts.select(schema.column_names()).collect()
    found = judge(raw).filter(pl.col("rule").is_not_null()).select(ROW, "rule", "reason")
    delivered = raw.with_row_index(ROW).join(found, on=ROW, how="inner", maintain_order="left")
    told = [pl.col(name).cast(pl.String) for name in raw.columns]
    return delivered.select(
        known_on=pl.col(schema.dated_by).fill_null(UNDATED),
        table=pl.lit(schema.asset_key.split("/")[1]),
        rule="rule",
        reason="reason",
        delivery="delivery",
        row=pl.struct(told).struct.json_encode(),
    )
