"""News: announcements and news, each from the instant on at which it could be read."""

import dataframely as dy
import polars as pl

from assets.cleaning.as_of import EVERYTHING_BEFORE
from assets.cleaning.fact_admission import common_rules, kept, opened, ruled, text_rule, told, without_repetition
from assets.cleaning.rules.rule import Refusal
from assets.table import table
from expectations.fact_tables import NEWS_KINDS, News
from expectations.facts import RawNews

KEY = ("news_id", "security_id")


@table(look_back={"raw_news": EVERYTHING_BEFORE})
def news(raw_news: dy.LazyFrame[RawNews]) -> dy.LazyFrame[News]:
    """Accepted announcements and news; of a piece that was edited later the first wording stays."""
    rows = kept(judged(raw_news.collect()))
    return News.cast(rows.sort("available_at", *KEY))


def judged(raw: pl.DataFrame) -> pl.DataFrame:
    """Every raw piece once, with the `rule` that refuses it and the `reason`."""
    unknown = Refusal(
        "unknown_kind",
        ~pl.col("kind").is_in(NEWS_KINDS).fill_null(value=False),
        told(f"kind is {{}}; it must be one of {', '.join(NEWS_KINDS)}", "kind"),
    )
    rows = ruled(opened(raw), (*common_rules("news_id"), unknown, text_rule("title")))
    return without_repetition(rows, KEY, ("kind", "title", "body"))
