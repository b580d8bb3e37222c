"""Trading costs: the dated fees of A-share orders, as a rule book, and the whole lots in which they are placed.

The rule book is `trading_costs.csv` beside this module: a rule holds from its date until the next row of the same name.
Exchange handling and regulator's fees are part of the commission. The tax on dividends is not charged.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

TYPICAL_COMMISSION = 0.00025  # share of value, with the fees that it includes

# board -> smallest buy order, step above it, in shares (exchange trading rules; STAR since 2019, BSE since 2021)
LOTS: dict[str, tuple[int, int]] = {"main": (100, 100), "chinext": (100, 100), "star": (200, 1), "bse": (100, 1)}


@cache
def rule_book() -> pl.DataFrame:
    """Every dated rule: rule, effective_from, value, unit, source."""
    book = pl.read_csv(Path(__file__).with_suffix(".csv"), try_parse_dates=True, schema_overrides={"value": pl.Float64})
    return book.sort("rule", "effective_from")


def rates(sessions: Sequence[date] | pl.Series) -> pl.DataFrame:
    """What an order costs in each session, in the order given.

    returns  session; buy_tax, sell_tax (stamp duty and transfer fee) and commission_cap as shares of an order's value;
             commission_minimum in yuan per order
    raises   ValueError for a session before the rule book begins
    """
    asked = pl.DataFrame({"session": pl.Series("session", sessions, dtype=pl.Date)}).with_row_index("place")
    found = asked.sort("session")
    for (rule,), dated in rule_book().group_by("rule", maintain_order=True):
        value = dated.select(pl.col("effective_from").alias("session"), pl.col("value").alias(str(rule)))
        found = found.join_asof(value.sort("session"), on="session")
    missing = found.filter(pl.any_horizontal(pl.all().is_null()))
    if len(missing):
        begins = max(rule_book().group_by("rule").agg(pl.col("effective_from").min())["effective_from"].to_list())
        raise ValueError(
            f"trading_costs.csv has no fees for session {missing['session'].to_list()[0]}; its rules begin on "
            f"{begins}. Begin later or add the rows that held before."
        )
    return found.sort("place").select(
        "session",
        "commission_cap",
        "commission_minimum",
        buy_tax=pl.col("stamp_duty_buy") + pl.col("transfer_fee"),
        sell_tax=pl.col("stamp_duty_sell") + pl.col("transfer_fee"),
    )


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
    """Shares of a buy order rounded down to what each board accepts; 0 where that is less than its smallest order."""
    if unknown := sorted(set(boards) - set(LOTS)):
        raise ValueError(f"no lot size for board {unknown}; known boards are {sorted(LOTS)}")
    smallest = np.array([LOTS[board][0] for board in boards], dtype=np.float64)
    step = np.array([LOTS[board][1] for board in boards], dtype=np.float64)
    rounded = np.floor(shares / step + 1e-9) * step
    lots: NDArray[np.float64] = np.where(rounded >= smallest, rounded, 0.0)
    return lots
