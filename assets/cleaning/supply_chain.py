"""Supply chain: who sells to whom, from when it was known to when it was known to have ended."""

import dataframely as dy
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.fact_admission import changes_judged, common_rules, finite_rule, kept, opened, ruled, told
from assets.cleaning.rules.rule import Refusal
from assets.table import table
from expectations.fact_tables import SupplyChain
from expectations.facts import RawSupplyChain

KEY = ("supplier_id", "customer_id")


@table(look_back={"raw_supply_chain": EVERYTHING_BEFORE})
def supply_chain(raw_supply_chain: dy.LazyFrame[RawSupplyChain]) -> dy.LazyFrame[SupplyChain]:
    """Accepted changes of edges; what is bought of all suppliers known at one instant sums to at most 1."""
    rows = kept(judged(raw_supply_chain.collect()))
    return SupplyChain.cast(rows.sort("available_at", *KEY))


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Every raw change once, with the `rule` that refuses it and the `reason`."""
    itself = Refusal(
        "supplies_itself",
        pl.col("supplier_id") == pl.col("customer_id"),
        told("{} is its own customer", "supplier_id"),
    )
    rows = ruled(opened(raw), (*common_rules(*KEY), itself, finite_rule("weight"), weight_rule()))
    crowded = told("with weight {} the suppliers of {} sum to more than 1", "weight", "customer_id")
    weight = pl.col("weight").fill_null(0.0)
    return changes_judged(rows, KEY, "customer_id", weight, ("weight",), ("weights_above_one", crowded))


def weight_rule() -> Refusal:
    """A weight, where there is one, is a share."""
    return Refusal(
        "weight_outside_0_to_1",
        ~pl.col("weight").is_between(0, 1),
        told("weight is {}; it must lie between 0 and 1", "weight"),
    )
