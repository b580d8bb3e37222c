"""Industries: the industry of each security, from when its code was known."""

import dataframely as dy
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.fact_admission import changes_judged, common_rules, kept, opened, ruled, text_rule, told
from assets.table import table
from expectations.fact_tables import Industries
from expectations.facts import RawIndustries

KEY = ("security_id", "industry")


@table(look_back={"raw_industries": EVERYTHING_BEFORE})
def industries(raw_industries: dy.LazyFrame[RawIndustries]) -> dy.LazyFrame[Industries]:
    """Accepted changes; a security has one industry at most, and a second one before the first has ended is refused."""
    rows = kept(judged(raw_industries.collect()))
    return Industries.cast(rows.sort("available_at", *KEY))


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Every raw change once, with the `rule` that refuses it and the `reason`."""
    rows = ruled(opened(raw), (*common_rules(*KEY), text_rule("industry")))
    crowded = told("{} gets industry {} while another one holds, or gets two at once", *KEY)
    return changes_judged(rows, KEY, "security_id", pl.lit(1.0), (), ("overlapping_membership", crowded))
