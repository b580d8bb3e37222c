"""Trading costs: the dated fees and stamp duty of A-share orders.

All rates are rows of the rule book. Exchange handling and regulator's fees are part of the commission.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from assets.cleaning.rule_book import look_up, rule_book

TYPICAL_COMMISSION = 0.00025  # share of value, with the fees that it includes
CHARGES = ("stamp_duty_buy", "stamp_duty_sell", "commission_cap", "commission_minimum")
TRANSFER = ("transfer_fee", "transfer_fee_per_share")


def rates(sessions: Sequence[date] | pl.Series, exchange: str = "szse") -> pl.DataFrame:
    """What an order costs in each session on one exchange (sse, szse, bse), in the order given.

    returns  session; stamp_duty_buy, stamp_duty_sell, transfer_fee (of both sides) and commission_cap as shares of an
             order's value; commission_minimum in yuan per order; transfer_fee_per_share in yuan, Shanghai's until
             2015-07-31. An exchange that was not yet open charges no transfer fee.
    raises   ValueError for a session before the rule book begins
    """
    asked = pl.DataFrame({"session": pl.Series("session", sessions, dtype=pl.Date)})
    found = look_up(asked.with_columns(exchange=pl.lit(exchange)), *CHARGES, *TRANSFER)
    missing = found.filter(pl.any_horizontal(pl.col(CHARGES).is_null()))
    if len(missing):
        fitting = rule_book().filter(pl.col("rule").is_in(CHARGES))
        begins = max(fitting.group_by("rule").agg(pl.col("from").min())["from"].to_list())
        raise ValueError(
            f"rule_book.csv has no fees for session {missing['session'].to_list()[0]}; its rules begin on "
            f"{begins}. Begin later or add the rows that held before."
        )
    return found.select("session", *CHARGES, *(pl.col(rule).fill_null(0.0) for rule in TRANSFER))


def transfer_fees(orders: pl.DataFrame) -> pl.DataFrame:
    """`orders` with `transfer_fee_paid`, the yuan that each side pays; null before the rule book begins.

    orders  columns session, exchange (sse, szse, bse), shares, value (yuan)
    """
    found = look_up(orders, *TRANSFER)
    by_share = pl.col("shares") * pl.col("transfer_fee_per_share").fill_null(0.0)
    paid = pl.col("value") * pl.col("transfer_fee") + by_share
    return found.with_columns(transfer_fee_paid=paid).select(*orders.columns, "transfer_fee_paid")


def refuse_above_cap(commission: float, found: pl.DataFrame) -> None:
    """Raise ValueError, naming the first session, where a commission is above the cap of `rates`."""
    above = found.filter(pl.col("commission_cap") < commission)
    if len(above):
        first = above.row(0, named=True)
        raise ValueError(
            f"commission was {commission}; from {first['session']} at most {first['commission_cap']} is allowed"
        )
