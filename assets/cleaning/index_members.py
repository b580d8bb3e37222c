"""Index members: what an index consists of, from when each entry and removal was known."""

import dataframely as dy
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.fact_admission import changes_judged, common_rules, finite_rule, kept, opened, ruled, told
from assets.cleaning.supply_chain import weight_rule
from assets.table import table
from expectations.fact_tables import IndexMembers
from expectations.facts import RawIndexMembers

KEY = ("index_id", "security_id")


@table(look_back={"raw_index_members": EVERYTHING_BEFORE})
def index_members(raw_index_members: dy.LazyFrame[RawIndexMembers]) -> dy.LazyFrame[IndexMembers]:
    """Accepted entries, removals and changes of weight; the weights of an index at one instant sum to at most 1."""
    rows = kept(judged(raw_index_members.collect()))
    return IndexMembers.cast(rows.sort("available_at", *KEY))


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Every raw change once, with the `rule` that refuses it and the `reason`."""
    rows = ruled(opened(raw), (*common_rules(*KEY), finite_rule("weight"), weight_rule()))
    crowded = told("with weight {} the members of {} sum to more than 1", "weight", "index_id")
    weight = pl.col("weight").fill_null(0.0)
    return changes_judged(rows, KEY, "index_id", weight, ("weight",), ("weights_above_one", crowded))
