"""Trading costs: the dated fees and taxes of A-share orders, and the whole lots in which they are placed.

All rates are rows of the rule book. Exchange handling and regulator's fees are part of the commission.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.rule_book import BOARDS, look_up, rule_book

TYPICAL_COMMISSION = 0.00025  # share of value, with the fees that it includes
CHARGES = ("stamp_duty_buy", "stamp_duty_sell", "transfer_fee", "commission_cap", "commission_minimum")
LOT_RULES = ("lot_minimum", "lot_step", "lot_cap_limit", "lot_cap_market")


def rates(sessions: Sequence[date] | pl.Series) -> pl.DataFrame:
    """What an order costs in each session, in the order given.

    returns  session; buy_tax, sell_tax (stamp duty and transfer fee) and commission_cap as shares of an order's value;
             commission_minimum in yuan per order. The transfer fee is Shenzhen's: until 2015-07-31 Shanghai charged by
             the share (`transfer_fees`), as much at 11.76 yuan a share; since then both are the same.
    raises   ValueError for a session before the rule book begins
    """
    asked = pl.DataFrame({"session": pl.Series("session", sessions, dtype=pl.Date)})
    found = look_up(asked.with_columns(exchange=pl.lit("szse")), *CHARGES)
    missing = found.filter(pl.any_horizontal(pl.col(CHARGES).is_null()))
    if len(missing):
        fitting = rule_book().filter(pl.col("rule").is_in(CHARGES), pl.col("exchange").fill_null("szse") == "szse")
        begins = max(fitting.group_by("rule").agg(pl.col("from").min())["from"].to_list())
        raise ValueError(
            f"rule_book.csv has no fees for session {missing['session'].to_list()[0]}; its rules begin on "
            f"{begins}. Begin later or add the rows that held before."
        )
    return found.select(
        "session",
        "commission_cap",
        "commission_minimum",
        buy_tax=pl.col("stamp_duty_buy") + pl.col("transfer_fee"),
        sell_tax=pl.col("stamp_duty_sell") + pl.col("transfer_fee"),
    )


def transfer_fees(orders: pl.DataFrame) -> pl.DataFrame:
    """`orders` with `transfer_fee_paid`, the yuan that each side pays; null before the rule book begins.

    orders  columns session, exchange (sse, szse, bse), shares, value (yuan)
    """
    found = look_up(orders, "transfer_fee", "transfer_fee_per_share")
    by_share = pl.col("shares") * pl.col("transfer_fee_per_share").fill_null(0.0)
    paid = pl.col("value") * pl.col("transfer_fee") + by_share
    return found.with_columns(transfer_fee_paid=paid).select(*orders.columns, "transfer_fee_paid")


def dividend_tax(holdings: pl.DataFrame) -> pl.DataFrame:
    """`holdings` with `dividend_tax`, the share of a dividend that an individual pays on it in the end.

    The holding lasts from the day of the buy to the day before the sale, in calendar months and years. Each sale takes
    the shares bought first, so a row is a lot of shares with one day of buying and one of selling.

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
        .then(pl.lit("held_to_one_month"))
        .when(sold <= bought.dt.offset_by("1y"))
        .then(pl.lit("held_to_one_year"))
        .when(sold.is_not_null())
        .then(pl.lit("held_longer"))
    )
    return look_up(holdings.with_columns(phase=phase), "dividend_tax").select(*holdings.columns, "dividend_tax")


def lots(frame: pl.DataFrame) -> pl.DataFrame:
    """`frame` with lot_minimum, lot_step, lot_cap_limit and lot_cap_market, in shares of one order.

    frame  columns session and board; a remainder below the minimum is sold in one order
    """
    return look_up(frame, *LOT_RULES)


@dataclass(frozen=True)
class Fees:
    """What orders of one session cost: shares of their value, and the least commission in yuan per order."""

    commission: float
    minimum: float
    buy_tax: float
    sell_tax: float

    def of(self, side: Literal["buy", "sell"], value: NDArray[np.float64]) -> NDArray[np.float64]:
        """Yuan charged on an order of each value; 0 where there is no order."""
        tax = self.buy_tax if side == "buy" else self.sell_tax
        charged = np.maximum(value * self.commission, self.minimum) + value * tax
        paid: NDArray[np.float64] = np.where(value > 0, charged, 0.0)
        return paid

    def affordable(self, budget: float) -> float:
        """Largest value in yuan that a budget can buy together with the fees; never negative."""
        without_minimum = budget / (1 + self.buy_tax + self.commission)
        return max(0.0, min(without_minimum, (budget - self.minimum) / (1 + self.buy_tax)))


FREE = Fees(commission=0.0, minimum=0.0, buy_tax=0.0, sell_tax=0.0)


def fees(sessions: Sequence[date], commission: float = TYPICAL_COMMISSION) -> list[Fees]:
    """The fees of each session at a broker's commission; refused above the cap, and as `rates` refuses."""
    found = rates(sessions).to_dicts()
    if above := [row for row in found if commission > row["commission_cap"]]:
        raise ValueError(
            f"commission was {commission}; from {above[0]['session']} at most {above[0]['commission_cap']} is allowed"
        )
    return [Fees(commission, row["commission_minimum"], row["buy_tax"], row["sell_tax"]) for row in found]


def whole_lots(shares: NDArray[np.float64], boards: Sequence[str]) -> NDArray[np.float64]:
    """Shares of a buy order rounded down to what each board accepts; 0 where that is less than its smallest order.

    The lots are the latest of the rule book: no board has ever changed its own.
    """
    known = _lot_sizes()
    if unknown := sorted(set(boards) - set(known)):
        raise ValueError(f"no lot size for board {unknown}; known boards are {sorted(known)}")
    smallest = np.array([known[board][0] for board in boards], dtype=np.float64)
    step = np.array([known[board][1] for board in boards], dtype=np.float64)
    rounded = np.floor(shares / step + 1e-9) * step
    whole: NDArray[np.float64] = np.where(rounded >= smallest, rounded, 0.0)
    return whole


@cache
def _lot_sizes() -> dict[str, tuple[int, int]]:
    """Smallest order and step of each board."""
    latest = pl.DataFrame({"board": BOARDS}).with_columns(session=pl.lit(date.max))
    return {board: (minimum, step) for board, _, minimum, step, _, _ in lots(latest).iter_rows()}
