"""Capacity: what a rule would have earned with more money, as its orders move prices and its cap leaves them open.

The same forecasts are traded with each capital of a grid. An impact that grows with the square root of an order lets
the return fall with the square root of the capital: net(A) = a - c sqrt(A), so that a capital between two of the grid
is read off the line between their roots. A capacity is a range and not a number: the interval of each return stands by
it.
"""
# T sessions

from __future__ import annotations

import math
from collections.abc import Sequence

import dataframely as dy
import numpy as np
import polars as pl

from assets.evaluation.exchange import Exchange
from assets.evaluation.execution import Books, execute
from assets.evaluation.executor import USUAL, Floats, Plan, Rules, Tariff
from assets.evaluation.intervals import SESSIONS_PER_YEAR, interval
from assets.evaluation.portfolio import prepared
from assets.evaluation.trading import TradingSpec
from expectations.tables import Table

CAPITALS = tuple(10.0 ** (7 + step / 2) for step in range(7))  # yuan: 10 million to 10 billion
WITHOUT_CAP = 0.1  # share of the usual volume at which positions are sold where the rule has no cap


class Capacity(Table):
    """What the same forecasts would have earned with more money: the rule of the experiment, by capital at the start.

    An order moves its price with the square root of its share of the usual volume, and fills up to the cap; what is
    not filled stays cash. Returns are those in excess of the equal-weight universe, once the money was put to work.
    """

    capital = dy.Float64(primary_key=True, min_exclusive=0, metadata={"unit": "yuan at the start"})
    excess_return_annual = dy.Float64(
        metadata={"unit": "simple return a year", "definition": "net of costs, less the universe before costs; summed"}
    )
    lower = dy.Float64(nullable=True, metadata={"definition": "of the 95% interval"})
    upper = dy.Float64(nullable=True, metadata={"definition": "of the 95% interval"})
    deviation_annual = dy.Float64(
        nullable=True,
        metadata={"unit": "simple return", "definition": "of the excess return, times the root of a year"},
    )
    information_ratio = dy.Float64(
        nullable=True, metadata={"unit": "a year", "definition": "mean of the excess return over its deviation"}
    )
    invested = dy.Float64(min=0, metadata={"definition": "mean share of nav in positions"})
    filled = dy.Float64(
        nullable=True, min=0, metadata={"definition": "share of the value asked to buy that was filled"}
    )
    sessions_to_exit = dy.Float64(
        nullable=True,
        min=0,
        metadata={
            "definition": "mean over positions and sessions, by value, of the sessions that a sale takes at the cap, "
            f"or at {WITHOUT_CAP:.0%} of the usual volume where there is no cap"
        },
    )


def capacity(
    forecasts: pl.DataFrame,
    bars: pl.DataFrame,
    universe: pl.DataFrame,
    spec: TradingSpec,
    capitals: Sequence[float] = CAPITALS,
) -> pl.DataFrame:
    """The `Capacity` of a rule at each capital, in yuan; inputs and errors as those of `portfolio.simulate`.

    returns  no row where no session is left once the money was put to work: a test that has just begun has a report too
    """
    exchange, plan, rules, charges = prepared(forecasts, bars, universe, spec)
    if len(exchange.grid.sessions) - 1 <= spec.starting_sessions:
        return Capacity.create_empty()
    universe_T = exchange.benchmark()
    rows = [
        _row(exchange, plan, rules._replace(capital=float(round(capital * 100))), charges, universe_T, spec)
        for capital in sorted(capitals)
    ]
    return Capacity.validate(pl.DataFrame(rows).with_columns(pl.col(pl.Float64).fill_nan(None)))


def largest_capital(curve: pl.DataFrame, information_ratio: float) -> float:
    """The largest capital that keeps an information ratio, in yuan; infinite where all of the grid do, 0 where none.

    Between two capitals of the grid, return and deviation lie on lines over the root of the capital.

    curve  rows of `Capacity`
    """
    known = curve.drop_nulls("deviation_annual").sort("capital")
    roots = known["capital"].sqrt().to_numpy()
    above = (known["excess_return_annual"] - information_ratio * known["deviation_annual"]).to_numpy()
    kept = np.flatnonzero(above >= 0)
    if not kept.size:
        return 0.0
    last = int(kept[-1])
    if last == len(above) - 1:
        return math.inf
    part = above[last] / (above[last] - above[last + 1])
    return float((roots[last] + part * (roots[last + 1] - roots[last])) ** 2)


def _row(
    exchange: Exchange, plan: Plan, rules: Rules, charges: Tariff, universe_T: Floats, spec: TradingSpec
) -> dict[str, float]:
    books, starting = execute(exchange, plan, rules, charges), spec.starting_sessions
    excess_T = (books.net_returns - universe_T)[starting:]
    found = interval(excess_T, spec.hold_sessions)
    known_T = excess_T[~np.isnan(excess_T)]
    deviation = float(np.std(known_T, ddof=1)) if len(known_T) > 1 else math.nan
    yearly_deviation = deviation * math.sqrt(SESSIONS_PER_YEAR)
    yearly = found.times(SESSIONS_PER_YEAR)
    return {
        "capital": rules.capital / 100,
        "excess_return_annual": yearly.mean,
        "lower": yearly.lower,
        "upper": yearly.upper,
        "deviation_annual": yearly_deviation,
        "information_ratio": yearly.mean / yearly_deviation if deviation > 0 else math.nan,
        "invested": float(np.mean(1 - (books.days["cash"] / books.days["nav"])[starting:])),
        "filled": _filled(books),
        "sessions_to_exit": _sessions_to_exit(exchange, books, rules),
    }


def _filled(books: Books) -> float:
    buys = books.orders.filter(~pl.col("side"), pl.col("price").is_not_null())
    asked = float((buys["asked"] * buys["price"]).sum())
    return float((buys["shares"] * buys["price"]).sum()) / asked if asked > 0 else math.nan


def _sessions_to_exit(exchange: Exchange, books: Books, rules: Rules) -> float:
    held = books.positions
    if not len(held):
        return math.nan
    share = WITHOUT_CAP if math.isinf(rules.participation) else rules.participation
    usual_N = exchange.market.cells_QTS[USUAL, held["session"].to_numpy(), held["security"].to_numpy()]
    takes_N, value_N = held["shares"].to_numpy() / (share * usual_N), held["value"].to_numpy()
    known_N = np.isfinite(takes_N)
    return float(np.average(takes_N[known_N], weights=value_N[known_N])) if known_N.any() else math.nan
