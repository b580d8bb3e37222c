"""News counts: which runs of characters the last items of a security hold, hashed to a fixed number of columns.

The counts know no language and no dictionary; what they mean is learnt by a projection fitted on the training rows.
"""
# R rows, N texts, K buckets

from __future__ import annotations

from functools import partial
from typing import ClassVar

import dataframely as dy
import numpy as np
import polars as pl

from assets.features.character_grams import hashed_counts
from assets.features.decay import decay
from assets.features.news_items import items, of_texts
from assets.features.trailing_items import Floats
from assets.table import table
from expectations.fact_tables import News
from expectations.tables import Bars, Calendar, Keyed

BUCKETS = 128
HALF_LIFE, WINDOW = 3, 20
LONGEST_BODY = 500
"""Characters of a body that are read: what a piece is about stands at its beginning."""
LOOK_BACK = WINDOW + 1
ROWS_AT_ONCE = 8192
NAMES = tuple(f"ngram_{bucket:03d}" for bucket in range(BUCKETS))


def _bucket(name: str) -> dy.Float32:
    definition = (
        f"bucket {name[-3:]} of the signed hashed counts of runs of 1 to 3 characters in title and body of the items "
        f"of the last {WINDOW} sessions, halved every {HALF_LIFE} sessions; 0 where there was no item"
    )
    return dy.Float32(nullable=True, metadata={"definition": definition, "unit": "signed log(1 + runs)"})


class NewsCounts(Keyed):
    """Signed hashed counts of character runs; null on the first sessions of the calendar."""

    asset_key: ClassVar[str] = "features/news_counts"
    is_sequence: ClassVar[bool] = False

    vars().update({name: _bucket(name) for name in NAMES})


@table(look_back={"news": LOOK_BACK, "calendar": LOOK_BACK})
def news_counts(
    news: dy.LazyFrame[News], bars: dy.LazyFrame[Bars], calendar: dy.LazyFrame[Calendar]
) -> dy.LazyFrame[NewsCounts]:
    """One row per traded bar: hashed counts of character runs of the news of the last 20 sessions, newer ones more.

    A text is hashed once, however many securities it is told of. Counts are whole numbers; they are decayed, added item
    by item in the order in which they came, and put on a logarithmic scale that keeps the sign.
    """
    found = items(news, bars, calendar)
    counts_NK = of_texts(readable(found.texts), partial(hashed_counts, buckets=BUCKETS))
    cells_KR = np.empty((BUCKETS, found.rows.height), dtype=np.float32)
    for start in range(0, found.rows.height, ROWS_AT_ONCE):
        part = found.trail.part(start, start + ROWS_AT_ONCE)
        totals_RK = part.sums(counts_NK, decay(HALF_LIFE, WINDOW), found.of_text)
        cells_KR[:, start : start + ROWS_AT_ONCE] = damped(totals_RK).T
    cells_KR[:, found.trail.place_R < WINDOW - 1] = np.nan
    columns = [pl.Series(name, cells_R, nan_to_null=True) for name, cells_R in zip(NAMES, cells_KR, strict=True)]
    return NewsCounts.cast(found.rows.with_columns(columns).lazy())


def readable(texts: pl.DataFrame) -> pl.Series:
    """Title and the beginning of the body as one text."""
    body = pl.col("body").fill_null("").str.slice(0, LONGEST_BODY)
    return texts.select(text=pl.col("title") + pl.lit("\n") + body)["text"]


def damped(counts: Floats) -> Floats:
    """Counts of any shape on a logarithmic scale that keeps their sign."""
    scaled: Floats = np.copysign(np.log1p(np.abs(counts)), counts)
    return scaled
