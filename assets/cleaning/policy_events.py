"""Policy events: measures of public policy by the industry that they touch, from their announcement on."""

import dataframely as dy
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.fact_admission import common_rules, kept, opened, ruled, text_rule, without_repetition
from assets.table import table
from expectations.fact_tables import PolicyEvents
from expectations.facts import RawPolicyEvents

KEY = ("event_id", "industry")


@table(look_back={"raw_policy_events": EVERYTHING_BEFORE})
def policy_events(raw_policy_events: dy.LazyFrame[RawPolicyEvents]) -> dy.LazyFrame[PolicyEvents]:
    """Accepted measures, one row for each industry; what was announced first stays."""
    rows = kept(judged(raw_policy_events.collect()))
    return PolicyEvents.cast(rows.sort("available_at", *KEY))


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Every raw row once, with the `rule` that refuses it and the `reason`."""
    rows = ruled(opened(raw), (*common_rules(*KEY), text_rule("theme"), text_rule("title")))
    return without_repetition(rows, KEY, ("theme", "title"))
