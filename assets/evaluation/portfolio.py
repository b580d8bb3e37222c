"""Portfolio: what the forecasts would have earned as long-only orders, with the rules, lots and fees of their day.

After session t the members of the universe are ranked by their forecast. At t + 1 the best `top_k` are bought at VWAP
with 1 / hold_sessions of the net asset value, in whole lots; they are sold at the VWAP of the session that lies
hold_sessions later, or of the first one after it in which they can be sold. A refused order stays cash.
Until hold_sessions sleeves are bought, part of the capital is cash; that is in the excess return as it is.

Two yardsticks stand beside it. The benchmark is an equal-weight holder of the universe, who keeps what is locked up and
so cannot be bought: hard to beat by trading. The same rule without choosing tells what the choice alone adds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import dataframely as dy
import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from assets.cleaning.trading_costs import FREE, TYPICAL_COMMISSION, fees
from assets.evaluation.exchange import REASONS, Exchange, Places, exchange_of
from assets.evaluation.execution import Ledger, execute
from assets.evaluation.intervals import SESSIONS_PER_YEAR, Figure, interval
from assets.wide import Grid
from expectations.tables import Table

WITHOUT_ROUNDING = 1e15  # yuan: whole lots and their rounding do not matter


class TradingSpec(BaseModel):
    """How forecasts become orders.

    top_k          names bought after each session
    hold_sessions  sessions from entry to the planned exit; as many sleeves overlap
    capital        yuan at the start; cash earns nothing
    commission     share of an order's value, exchange and regulator's fees included; at least CNY 5 an order
    fees           'dated' charges the rule book of `trading_costs`, 'none' charges nothing
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    top_k: int = Field(default=50, ge=1)
    hold_sessions: int = Field(default=5, ge=1)
    capital: float = Field(default=10_000_000, gt=0)
    commission: float = Field(default=TYPICAL_COMMISSION, ge=0, le=0.003)
    fees: Literal["dated", "none"] = "dated"


class Orders(Table):
    """Every order, filled or refused. A sale refused at its planned session is listed once, and tried until filled."""

    session = dy.Date(primary_key=True, metadata={"definition": "session of the order"})
    security_id = dy.String(primary_key=True)
    side = dy.String(primary_key=True, metadata={"definition": "buy or sell"})
    opened = dy.Date(primary_key=True, metadata={"definition": "session in which the position is bought"})
    shares = dy.Float64(
        min=0,
        metadata={"definition": "a sale counts what the shares bought grew to by splits and reinvested dividends"},
    )
    price = dy.Float64(
        nullable=True, metadata={"unit": "yuan per share, as traded", "definition": "VWAP of the session"}
    )
    fee = dy.Float64(min=0, metadata={"unit": "yuan", "definition": "commission, stamp duty and transfer fee"})
    status = dy.String(metadata={"definition": "filled or refused"})
    reason = dy.String(
        nullable=True,
        metadata={
            "definition": "of a refusal: no_bar, suspended, locked_up, locked_down, below_one_lot; "
            "delisted for a position that ended at its last close"
        },
    )


class PortfolioDaily(Table):
    """The portfolio at the close of each session, beside the equal-weight universe that could be held."""

    session = dy.Date(primary_key=True)
    nav = dy.Float64(metadata={"unit": "yuan", "definition": "cash and positions at their last known close"})
    cash = dy.Float64(metadata={"unit": "yuan"})
    net_return = dy.Float64(metadata={"unit": "simple return", "definition": "nav / nav of the session before - 1"})
    gross_return = dy.Float64(metadata={"unit": "simple return", "definition": "net_return before the session's fees"})
    benchmark_return = dy.Float64(
        nullable=True,
        metadata={
            "unit": "simple return, before costs",
            "definition": "mean close-to-close return of the equal-weight basket: a name enters after a session in "
            "which it was a member and could be bought, and leaves after one in which it was none and could be sold",
        },
    )
    unchosen_return = dy.Float64(
        metadata={
            "unit": "simple return, before costs",
            "definition": "what the same rule earns without choosing: all members with a forecast are bought alike",
        },
    )
    excess_return = dy.Float64(nullable=True, metadata={"definition": "net_return less benchmark_return"})
    selection_return = dy.Float64(metadata={"definition": "gross_return less unchosen_return; its mean is 0 by chance"})
    turnover = dy.Float64(min=0, metadata={"unit": "share of nav", "definition": "half of what was bought and sold"})
    fees = dy.Float64(min=0, metadata={"unit": "yuan"})


@dataclass(frozen=True)
class Simulation:
    """What `simulate` found: an `Orders` and a `PortfolioDaily` table."""

    orders: pl.DataFrame
    daily: pl.DataFrame


def simulate(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame, spec: TradingSpec) -> Simulation:
    """Trade one segment's forecasts from the session after the first decision to the session after the last.

    forecasts  session, security_id, forecast (`information.seed_averaged`); repeated rows, as those of a validation
               session in two folds, are averaged; ties fall to the earlier id
    bars       rows of `expectations.tables.Bars`; sessions after the last order only tell which names come back
    universe   rows of `expectations.tables.Universe`
    raises     ValueError for forecasts that are empty, and for sessions without bars
    """
    exchange = exchange_of(bars, universe, _sessions(forecasts, bars), forecasts["security_id"])
    ranked = _ranked(forecasts, universe, exchange.grid)
    sessions = exchange.grid.sessions
    free = [FREE] * len(sessions)
    charges = fees(sessions, spec.commission) if spec.fees == "dated" else free
    chosen = execute(exchange, ranked, spec.hold_sessions, spec.capital, charges, spec.top_k)
    unchosen = execute(exchange, ranked, spec.hold_sessions, WITHOUT_ROUNDING, free, top_k=None)
    return Simulation(_orders(chosen.orders, exchange.grid), _daily(chosen, unchosen, exchange))


def figures(simulation: Simulation, spec: TradingSpec) -> list[Figure]:
    """The headline figures of one simulation; returns are arithmetic means a session, times the sessions of a year."""
    daily, orders = simulation.daily, simulation.orders
    year, unit = SESSIONS_PER_YEAR, "simple return a year"
    means = {
        "excess_return_annual": ("excess_return", "net of costs, less the equal-weight universe before costs"),
        "selection_return_annual": ("selection_return", "gross, less the same rule buying every member alike"),
        "net_return_annual": ("net_return", "after costs"),
        "benchmark_return_annual": ("benchmark_return", "equal-weight universe that could be held, before costs"),
    }
    found = [
        Figure.of(
            name, interval(daily[column], spec.hold_sessions).times(year), unit, f"{text}; summed, not compounded"
        )
        for name, (column, text) in means.items()
    ]
    drag = float((daily["gross_return"] - daily["net_return"]).mean()) * year  # type: ignore[arg-type]
    fall = float((daily["nav"] / daily["nav"].cum_max()).min()) - 1  # type: ignore[arg-type]
    refused = orders.filter(pl.col("status") == "refused").group_by("side", "reason").len().sort("side", "reason")
    plain = [
        ("max_drawdown", fall, "share of nav", "deepest fall of nav from its highest value before"),
        ("turnover", float(daily["turnover"].mean()), "share of nav a session", "half of bought and sold"),  # type: ignore[arg-type]
        ("costs_annual", drag, "share of nav a year", "commission, stamp duty and transfer fee"),
        ("costs", float(daily["fees"].sum()), "yuan", "the same, in all"),
        ("orders", float(len(orders)), "orders", "placed, filled or refused"),
        ("orders_refused", float(refused["len"].sum()), "orders", "a buy stays cash, a sale waits"),
        *(
            (f"refused_{side}_{reason}", float(count), "orders", f"{side} orders refused: {reason.replace('_', ' ')}")
            for side, reason, count in refused.iter_rows()
        ),
    ]
    return [*found, *(Figure.plain(*line) for line in plain)]


def _orders(placed: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    sessions, reasons = pl.Series(grid.sessions, dtype=pl.Date), pl.Series([None, *REASONS[1:]], dtype=pl.String)
    named = placed.with_columns(
        session=sessions.gather(placed["session"]),
        opened=sessions.gather(placed["opened"]),
        security_id=pl.Series(grid.securities, dtype=pl.String).gather(placed["security_id"]),
        price=pl.col("price").fill_nan(None),
        status=pl.when("filled").then(pl.lit("filled")).otherwise(pl.lit("refused")),
        reason=reasons.gather(placed["reason"]),
    )
    return Orders.validate(named.sort("session", "side", "opened", "security_id"))


def _daily(chosen: Ledger, unchosen: Ledger, exchange: Exchange) -> pl.DataFrame:
    columns = {
        "session": pl.Series(exchange.grid.sessions[1:], dtype=pl.Date),
        "nav": chosen.nav_T,
        "cash": chosen.cash_T,
        "net_return": chosen.nav_T / chosen.before_T - 1,
        "gross_return": (chosen.nav_T + chosen.fees_T) / chosen.before_T - 1,
        "benchmark_return": pl.Series(exchange.benchmark()).fill_nan(None),
        "unchosen_return": unchosen.nav_T / unchosen.before_T - 1,
        "turnover": chosen.traded_T / 2 / chosen.before_T,
        "fees": chosen.fees_T,
    }
    return PortfolioDaily.validate(
        pl.DataFrame(columns).with_columns(
            excess_return=pl.col("net_return") - pl.col("benchmark_return"),
            selection_return=pl.col("gross_return") - pl.col("unchosen_return"),
        )
    )


def _ranked(forecasts: pl.DataFrame, universe: pl.DataFrame, grid: Grid) -> dict[int, Places]:
    """Places of the members with a forecast by session, best first; a session without forecasts has none."""
    members = universe.filter(pl.col("is_member")).select("session", "security_id")
    best = (
        forecasts.filter(pl.col("forecast").is_finite())
        .join(members, on=["session", "security_id"])
        .group_by("session", "security_id", maintain_order=True)
        .agg(pl.col("forecast").mean())
        .sort("session", "forecast", "security_id", descending=[False, True, False])
    )
    rows, columns = grid.places(best)
    edges = np.flatnonzero(np.diff(columns, prepend=-1))
    return {int(columns[edge]): rows for edge, rows in zip(edges, np.split(rows, edges[1:]), strict=False)}


def _sessions(forecasts: pl.DataFrame, bars: pl.DataFrame) -> pl.Series:
    """Sessions from the first decision to the one after the last."""
    calendar = bars["session"].unique().sort()
    decisions = forecasts["session"].unique().sort()
    if len(unknown := decisions.filter(~decisions.is_in(calendar.implode()))):
        raise ValueError(
            f"forecasts of {len(unknown)} sessions have no bars, the first of {unknown[0]}; give their bars"
        )
    if len(decisions):
        follows = calendar.shift(1).is_between(decisions[0], decisions[-1]).fill_null(False)
        sessions = calendar.filter(follows | (calendar == decisions[0]))
        if len(sessions) > 1:
            return sessions
    raise ValueError(f"nothing can be traded: {len(decisions)} sessions of forecasts, and no session after them")
