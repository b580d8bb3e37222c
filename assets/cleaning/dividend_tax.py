"""Dividend tax: what an individual pays on dividends by the time that the shares were held, as rows of the rule book.

To one month 20%, to one year 10%; above that 5% from 2013-01-01 and nothing from 2015-09-08; one rate of 10% before.
The record date of the dividend decides. Each sale takes the shares bought first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.rule_book import HOLDING_PHASES, look_up


def dividend_tax(holdings: pl.DataFrame) -> pl.DataFrame:
    """`holdings` with `dividend_tax`, the share of a dividend that an individual pays on it in the end.

    The holding lasts from the day of the buy to the day before the sale, in calendar months and years. A row is a lot
    of shares with one day of buying and one of selling.

    holdings  columns session (the record date of the dividend), bought_on and sold_on, all dates
    returns   the same rows; null before 2005-06-13 and where sold_on is null
    raises    ValueError for a sale that is not after its buy, as T+1 asks
    source    Ministry of Finance 2012 No. 85, art. 1 and 3; 2015 No. 101
    """
    early = holdings.filter(pl.col("sold_on") <= pl.col("bought_on"))
    if len(early):
        line = early.row(0, named=True)
        raise ValueError(f"sold on {line['sold_on']} what was bought on {line['bought_on']}; sell a day later")
    sold, bought = pl.col("sold_on"), pl.col("bought_on")
    phase = (
        pl.when(sold <= bought.dt.offset_by("1mo"))
        .then(pl.lit(HOLDING_PHASES[0]))
        .when(sold <= bought.dt.offset_by("1y"))
        .then(pl.lit(HOLDING_PHASES[1]))
        .when(sold.is_not_null())
        .then(pl.lit(HOLDING_PHASES[2]))
    )
    return look_up(holdings.with_columns(phase=phase), "dividend_tax").select(*holdings.columns, "dividend_tax")


def taxes_by_session(sessions: Sequence[date]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The row of taxes that holds for a record date, [T], and the rows: to one month, to one year, longer, [P, 3].

    Before the rule book begins the taxes are 0.
    """
    days = pl.DataFrame({"session": pl.Series("session", sessions, dtype=pl.Date)})
    cases = days.join(pl.DataFrame({"phase": HOLDING_PHASES}), how="cross", maintain_order="left_right")
    found = look_up(cases, "dividend_tax")["dividend_tax"].fill_null(0.0).to_numpy()
    rows_PH, period_T = np.unique(found.reshape(len(days), len(HOLDING_PHASES)), axis=0, return_inverse=True)
    return period_T.reshape(-1).astype(np.int64), rows_PH


def holding_edges(sessions: Sequence[date]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For a buy in each session the last session whose sale counts as held to one month, and to one year, [T]."""
    days = pl.Series("session", sessions, dtype=pl.Date)
    dated = days.to_numpy()
    edges = [days.dt.offset_by(span).to_numpy() for span in ("1mo", "1y")]
    month, year = (np.searchsorted(dated, edge, side="right").astype(np.int64) - 1 for edge in edges)
    return month, year
