"""News encoding: what a frozen text encoder makes of the last items of a security; there only where one is set.

The group is as wide as the encoder; a projection fitted on the train rows is meant to reduce it.
"""
# R rows, N texts, V values of a vector

from __future__ import annotations

from typing import Any, ClassVar

import dataframely as dy
import numpy as np
import polars as pl

from assets.features.decay import decay
from assets.features.news_counts import HALF_LIFE, LOOK_BACK, ROWS_AT_ONCE, WINDOW, readable
from assets.features.news_items import items
from assets.features.text_encoder import TextEncoder
from assets.table import Declaration
from expectations.fact_tables import News
from expectations.tables import Bars, Calendar, Keyed

GROUP = "news_encoding"
HOW_TO_SET_UP = (
    f"'{GROUP}' exists where KINDLING_ENCODER names the folder of a text encoder: card.yaml (name, knowledge_cutoff, "
    "licence), config.json, *.safetensors and its tokenizer; with the packages of the extra 'encoder'."
)


class _Encoded(Keyed):
    """Values of the text vectors of the news of the last 20 sessions, halved every 3 sessions; 0 without any."""

    asset_key: ClassVar[str] = f"features/{GROUP}"
    is_sequence: ClassVar[bool] = False


def news_encoding(encoder: TextEncoder) -> Declaration:
    """The feature group of an encoder: one column for each value of its vectors, and its cut-off for the gate."""
    names = [f"encoding_{number:03d}" for number in range(encoder.width)]
    columns: dict[str, Any] = {name: _column(name, encoder) for name in names}
    schema: type[_Encoded] = type("NewsEncoding", (_Encoded,), {"__doc__": _Encoded.__doc__, **columns})

    def encoded(news: pl.LazyFrame, bars: pl.LazyFrame, calendar: pl.LazyFrame) -> pl.LazyFrame:
        """One row per traded bar: vectors of the texts of the last 20 sessions, decayed and added, newer ones more.

        A text is encoded once, however many securities it is told of; the vectors are added item by item in the order
        in which they came. Null on the first sessions of the calendar.
        """
        found = items(news, bars, calendar)
        vectors_NV = encoder(readable(found.texts).to_list())
        cells_RV = np.empty((found.rows.height, encoder.width), dtype=np.float32)
        for start in range(0, found.rows.height, ROWS_AT_ONCE):
            part = found.trail.part(start, start + ROWS_AT_ONCE)
            cells_RV[start : start + ROWS_AT_ONCE] = part.sums(vectors_NV, decay(HALF_LIFE, WINDOW), found.of_text)
        cells_RV[found.trail.place_R < WINDOW - 1] = np.nan
        filled = {name: pl.Series(name, cells_RV[:, number]).fill_nan(None) for number, name in enumerate(names)}
        return schema.cast(found.rows.with_columns(**filled).lazy())

    return Declaration(
        function=encoded,
        schema=schema,
        inputs={"news": News, "bars": Bars, "calendar": Calendar},
        look_back={"news": LOOK_BACK, "calendar": LOOK_BACK},
        knowledge_cutoff=encoder.card.knowledge_cutoff,
        settings=f"{encoder.card.model_dump_json()} {encoder.digest}",
    )


def _column(name: str, encoder: TextEncoder) -> dy.Float32:
    definition = (
        f"value {name[-3:]} of the vectors that {encoder.card.name} makes of the items of the last {WINDOW} sessions, "
        f"halved every {HALF_LIFE} sessions; 0 where there was no item"
    )
    return dy.Float32(nullable=True, metadata={"definition": definition, "unit": "none"})
