"""News items: pieces told of one security, each at the session whose decision is the first to know it.

What is told of the whole market is left out: it is the same for every security of a session and ranks none.
"""
# I items, R rows, N different texts

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.features.characters import Characters, Places, characters
from assets.features.first_decision import PLACE, at_first_decision
from assets.features.trailing_items import Trail
from assets.wide import Grid, grid_of

TEXT = ("title", "body")
AT_ONCE = 50_000
"""Texts whose characters are held at a time."""

Kind = TypeVar("Kind", bound=np.generic)


@dataclass(frozen=True)
class Items:
    """Items by security, session, instant and number, beside the traded bars.

    rows    session, security_id of every traded bar, sorted; the R rows of a table
    told    the I items, with `text`, the place of their words in `texts`
    texts   title and body, each pair once however many securities it is told of
    """

    rows: pl.DataFrame
    told: pl.DataFrame
    texts: pl.DataFrame
    trail: Trail

    @property
    def of_text(self) -> Places:
        """Place in `texts` of each item, [I]."""
        return self.told["text"].to_numpy()


def items(news: pl.LazyFrame, bars: pl.LazyFrame, calendar: pl.LazyFrame) -> Items:
    """The items that a decision of the calendar is the first to know, of securities that have a traded bar."""
    rows = bars.filter(~pl.col("is_suspended")).select("session", "security_id").sort("session", "security_id")
    traded = rows.collect()
    grid = grid_of(traded, calendar.select("session").collect()["session"])
    about = news.filter(pl.col("security_id").is_in(list(grid.securities))).collect()
    known = at_first_decision(about, pl.Series(grid.sessions, dtype=pl.Date))
    ordered = known.sort("security_id", PLACE, "available_at", "news_id")
    texts = ordered.select(TEXT).unique(maintain_order=True).with_row_index("text")
    told = ordered.join(texts, on=TEXT, how="left", nulls_equal=True, maintain_order="left")
    told = told.with_columns(pl.col("text").cast(pl.Int64))
    return Items(traded, told, texts.drop("text"), _trail(traded, told, grid))


def of_texts(texts: pl.Series, made: Callable[[Characters], NDArray[Kind]]) -> NDArray[Kind]:
    """What `made` says of each text, [N, ...], without holding the characters of all of them at once."""
    parts = [made(characters(texts.slice(start, AT_ONCE))) for start in range(0, len(texts), AT_ONCE)]
    return np.concatenate(parts) if parts else made(characters(texts))


def by_security(security_I: Places) -> Iterator[slice]:
    """Items in parts of many, in their order, without parting those of one security."""
    starts = np.flatnonzero(np.diff(security_I, prepend=-1))
    part = np.concatenate([[0], np.flatnonzero(np.diff(starts // AT_ONCE)) + 1]) if len(starts) else starts
    edges = [*starts[part].tolist(), len(security_I)]
    return (slice(start, end) for start, end in pairwise(edges))


def _trail(traded: pl.DataFrame, told: pl.DataFrame, grid: Grid) -> Trail:
    security_R, place_R = grid.places(traded)
    codes = told["security_id"].replace_strict(
        list(grid.securities), range(len(grid.securities)), return_dtype=pl.Int64
    )
    return Trail(codes.to_numpy(), told[PLACE].to_numpy(), security_R.astype(np.int64), place_R.astype(np.int64))
