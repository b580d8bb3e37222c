"""Execution: orders of overlapping sleeves, session by session, and the cash and positions that they leave."""
# T sessions; positions are kept in units, shares / adj_factor, so that units * adjusted close is yuan

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.cleaning.trading_costs import Fees, whole_lots
from assets.evaluation.exchange import REASONS, Codes, Exchange, Flags, Floats, Places

Held = NDArray[np.void]
POSITION = np.dtype([("security", np.intp), ("units", np.float64), ("opened", np.intp)])


@dataclass(frozen=True)
class Ledger:
    """Every order, in places of the grid and of REASONS, and yuan by session from the second on, [T - 1].

    before  net asset value at the close of the session before
    traded  value bought and sold
    """

    orders: pl.DataFrame
    before_T: Floats
    nav_T: Floats
    cash_T: Floats
    traded_T: Floats
    fees_T: Floats


def execute(
    exchange: Exchange,
    ranked: Mapping[int, Places],
    hold: int,
    capital: float,
    charges: Sequence[Fees],
    top_k: int | None,
) -> Ledger:
    """Buy in each session the best names of the session before, and sell them `hold` sessions later.

    ranked   names by session, best first
    charges  fees of each session
    top_k    names bought at a time, each for 1 / hold / top_k of the net asset value; None buys all alike
    """
    held = np.empty(0, dtype=POSITION)
    cash = nav = capital
    orders: list[pl.DataFrame] = []
    days: list[tuple[float, ...]] = []
    for t in range(1, len(exchange.grid.sessions)):
        held, sales = _sell(exchange, held, t, hold, charges[t])
        sold, sale_fees = _totals(sales)
        cash += sold - sale_fees
        names = ranked.get(t - 1, np.empty(0, dtype=np.intp))[:top_k]
        many = max(len(names), 1)
        new, buys = _buy(exchange, names, t, min(nav / hold / (top_k or many), cash / many), charges[t])
        bought, buy_fees = _totals(buys)
        cash -= bought + buy_fees
        held = np.concatenate([held, new])
        before, nav = nav, cash + float(held["units"] @ exchange.worth_TS[t, held["security"]])
        days.append((before, nav, cash, sold + bought, sale_fees + buy_fees))
        orders += [sales, buys]
    return Ledger(pl.concat(orders), *np.array(days).T)


def _sell(exchange: Exchange, held: Held, t: int, hold: int, charge: Fees) -> tuple[Held, pl.DataFrame]:
    """What is left after the session's sales, and the orders: positions sold, and those refused when they fell due."""
    names, due = held["security"], held["opened"] + hold
    gone = ~exchange.listed_TS[t, names]
    code = np.where(gone, REASONS.index("delisted"), exchange.no_sell_TS[t, names])
    filled = gone | ((due <= t) & (code == 0))
    factor = exchange.factor_TS[t, names]
    price = np.where(gone, exchange.worth_TS[t, names] / factor, exchange.vwap_TS[t, names])
    shares = held["units"] * factor
    paid = np.where(gone | ~filled, 0.0, charge.of("sell", np.nan_to_num(shares * price)))
    asked = filled | (due == t)
    orders = _placed(t, "sell", held, shares, price, paid, code, filled)
    return held[~filled], orders.filter(pl.Series(asked))


def _buy(exchange: Exchange, names: Places, t: int, budget: float, charge: Fees) -> tuple[Held, pl.DataFrame]:
    """The positions bought in the session for `budget` yuan a name, and the orders."""
    price = exchange.vwap_TS[t, names]
    wanted = np.nan_to_num(charge.affordable(budget) / price)
    lots = whole_lots(wanted, [exchange.boards[name] for name in names])
    code = exchange.no_buy_TS[t, names]
    code = np.where((code == 0) & (lots == 0), REASONS.index("below_one_lot"), code)
    filled = code == 0
    shares = np.where(filled, lots, 0.0)
    new = np.empty(len(names), dtype=POSITION)
    new["security"], new["units"], new["opened"] = names, shares / exchange.factor_TS[t, names], t
    paid = charge.of("buy", np.nan_to_num(shares * price))
    return new[filled], _placed(t, "buy", new, shares, price, paid, code, filled)


def _placed(
    t: int,
    side: str,
    positions: Held,
    shares: Floats,
    price: Floats,
    paid: Floats,
    code: Codes,
    filled: Flags,
) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "session": np.full(len(positions), t),
            "security_id": positions["security"],
            "side": pl.Series([side] * len(positions), dtype=pl.String),
            "opened": positions["opened"],
            "shares": shares,
            "price": price,
            "fee": paid,
            "filled": filled,
            "reason": code,
        }
    )


def _totals(orders: pl.DataFrame) -> tuple[float, float]:
    filled = orders.filter(pl.col("filled"))
    return float((filled["shares"] * filled["price"]).sum()), float(filled["fee"].sum())
