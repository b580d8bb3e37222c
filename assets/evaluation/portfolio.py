"""Portfolio: what the forecasts would have earned as long-only orders, with the rules, lots and fees of their day.

After session t the members of the universe are ranked by their forecast, and orders are sized by what was known then;
they are entered at t + 1, held as `TradingSpec` says, and refused or cut as the session, the volume and the cash demand
(`execution`). A refused buy stays cash, a refused sale is tried in each session.
Until all sleeves are bought, part of the capital is cash, which shines in a market that falls and dims in one that
rises. That is no forecast: those sessions have no excess return, and count in no figure of what was earned.

Two yardsticks stand beside it. The benchmark is an equal-weight holder of the universe, who keeps what is locked up and
so cannot be bought: hard to beat by trading. The same rule without choosing tells what the choice alone adds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import dataframely as dy
import numpy as np
import polars as pl

from assets.evaluation import tariff
from assets.evaluation.exchange import Exchange, exchange_of
from assets.evaluation.execution import FEES, Books, execute, plan_of
from assets.evaluation.executor import REASONS, Plan, Rules, Tariff
from assets.evaluation.intervals import SESSIONS_PER_YEAR, Figure, interval
from assets.evaluation.shortfall import CAUSES, shortfall, without_frictions
from assets.evaluation.trading import TradingSpec
from assets.wide import Grid
from expectations.tables import Table


class Orders(Table):
    """Every order, filled or refused. A sale refused at its planned session is listed once, and tried until filled."""

    session = dy.Date(primary_key=True, metadata={"definition": "session of the order"})
    security_id = dy.String(primary_key=True)
    side = dy.String(primary_key=True, metadata={"definition": "buy or sell"})
    opened = dy.Date(
        primary_key=True, metadata={"definition": "session in which the position, or its oldest part, is bought"}
    )
    asked = dy.Float64(min=0, metadata={"unit": "shares", "definition": "ordered, in the lots of the board"})
    shares = dy.Float64(min=0, metadata={"unit": "shares", "definition": "filled"})
    price = dy.Float64(
        nullable=True,
        metadata={"unit": "yuan per share, as traded", "definition": "of the session, moved by the order itself"},
    )
    value = dy.Float64(min=0, metadata={"unit": "yuan", "definition": "shares times price, to the cent"})
    commission = dy.Float64(min=0, metadata={"unit": "yuan"})
    stamp_duty = dy.Float64(min=0, metadata={"unit": "yuan"})
    transfer_fee = dy.Float64(min=0, metadata={"unit": "yuan"})
    fee = dy.Float64(min=0, metadata={"unit": "yuan", "definition": "commission, stamp duty and transfer fee"})
    dividend_tax = dy.Float64(
        min=0, metadata={"unit": "yuan", "definition": "on the dividends of the shares sold, by the time held"}
    )
    impact = dy.Float64(metadata={"unit": "yuan", "definition": "what moving the price cost; inside `value`"})
    status = dy.String(metadata={"definition": "filled, partial or refused"})
    reason = dy.String(
        nullable=True,
        metadata={
            "definition": "of a refusal or a cut: no_bar, suspended, locked_up, locked_down, closes_up, closes_down, "
            "below_one_lot, no_volume, no_cash; delisted for a position that ended at its last close, take_profit for "
            "one that reached its target"
        },
    )


class Positions(Table):
    """What is held at the close of each session; with the cash it adds up to the net asset value, to the cent."""

    session = dy.Date(primary_key=True)
    security_id = dy.String(primary_key=True)
    shares = dy.Float64(min_exclusive=0)
    price = dy.Float64(min=0, metadata={"unit": "yuan per share, as traded", "definition": "last known close"})
    value = dy.Float64(min=0, metadata={"unit": "yuan"})


class PortfolioDaily(Table):
    """The portfolio at the close of each session, beside the equal-weight universe that could be held."""

    session = dy.Date(primary_key=True)
    nav = dy.Float64(metadata={"unit": "yuan", "definition": "cash and positions at their last known close"})
    cash = dy.Float64(min=0, metadata={"unit": "yuan"})
    net_return = dy.Float64(metadata={"unit": "simple return", "definition": "nav / nav of the session before - 1"})
    gross_return = dy.Float64(
        metadata={"unit": "simple return", "definition": "net_return before the session's fees, taxes and impact"}
    )
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
    excess_return = dy.Float64(
        nullable=True,
        metadata={
            "definition": "net_return less benchmark_return; null in the first sessions, in which the money is put to "
            "work"
        },
    )
    selection_return = dy.Float64(metadata={"definition": "gross_return less unchosen_return; its mean is 0 by chance"})
    turnover = dy.Float64(min=0, metadata={"unit": "share of nav", "definition": "half of what was bought and sold"})
    fees = dy.Float64(min=0, metadata={"unit": "yuan", "definition": "commission, stamp duty and transfer fee"})
    dividends = dy.Float64(min=0, metadata={"unit": "yuan", "definition": "paid in cash on the ex-date"})
    dividend_tax = dy.Float64(min=0, metadata={"unit": "yuan", "definition": "taken when shares are sold"})
    impact = dy.Float64(metadata={"unit": "yuan", "definition": "what the orders cost by moving prices; not in fees"})


@dataclass(frozen=True)
class Simulation:
    """What `simulate` found: tables `Orders`, `PortfolioDaily`, `Positions` and `shortfall.Shortfall`."""

    orders: pl.DataFrame
    daily: pl.DataFrame
    positions: pl.DataFrame
    shortfall: pl.DataFrame


def simulate(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame, spec: TradingSpec) -> Simulation:
    """Trade one segment's forecasts from the session after the first decision to the session after the last.

    forecasts  session, security_id, forecast (`information.seed_averaged`), and the columns of the gates that are set;
               repeated rows, as those of a validation session in two folds, are averaged; ties fall to the earlier id
    bars       rows of `expectations.tables.Bars`; sessions after the last order only tell which names come back, those
               before the first decision what is usual
    universe   rows of `expectations.tables.Universe`
    raises     ValueError for forecasts that are empty, for sessions without bars, for a gate on what is not stated
    """
    exchange, plan, rules, charges = prepared(forecasts, bars, universe, spec)
    free = tariff.free(exchange.grid.sessions)
    chosen = execute(exchange, plan, rules, charges)
    unchosen = execute(exchange, plan, _unchoosing(rules), free)
    return Simulation(
        orders=_orders(chosen.orders, exchange.grid),
        daily=_daily(chosen, unchosen, exchange, spec.starting_sessions),
        positions=_positions(chosen.positions, exchange.grid),
        shortfall=shortfall(exchange, plan, rules, free, chosen),
    )


def placed(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame, spec: TradingSpec) -> pl.DataFrame:
    """The `Orders` of `simulate` alone: inputs and errors as there."""
    exchange, plan, rules, charges = prepared(forecasts, bars, universe, spec)
    return _orders(execute(exchange, plan, rules, charges).orders, exchange.grid)


def prepared(
    forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame, spec: TradingSpec
) -> tuple[Exchange, Plan, Rules, Tariff]:
    """What is executed: inputs and errors as those of `simulate`."""
    sessions = _sessions(forecasts, bars)
    exchange = exchange_of(bars, universe, sessions, forecasts["security_id"], spec.price, spec.strict)
    days = exchange.grid.sessions
    taxed = spec.dividend_tax == "dated"
    if spec.fees == "dated":
        charges = tariff.dated(days, spec.commission, taxed)
    else:
        charges = tariff.taxed_only(days) if taxed else tariff.free(days)
    return exchange, plan_of(forecasts, universe, exchange.grid, spec.gates), spec.rules(), charges


def _unchoosing(rules: Rules) -> Rules:
    """Every member with a forecast is bought alike, in fractions of shares and free of charge."""
    sleeves = without_frictions(rules)._replace(halts=True, limits=True, dropout=False, top_k=0)
    return sleeves._replace(hold=rules.hold)


def counted(daily: pl.DataFrame) -> pl.DataFrame:
    """The sessions that count in what was earned, of rows of `PortfolioDaily`: those with an excess return."""
    return daily.filter(pl.col("excess_return").is_not_null())


def figures(simulation: Simulation, spec: TradingSpec) -> list[Figure]:
    """The headline figures of one simulation; returns are arithmetic means a session, times the sessions of a year.

    Returns and rates are those of the sessions that count (`counted`); sums of orders and yuan are those of all.
    """
    daily, orders = simulation.daily, simulation.orders
    days = counted(daily)
    means = {
        "excess_return_annual": ("excess_return", "net of costs, less the equal-weight universe before costs"),
        "selection_return_annual": ("selection_return", "gross, less the same rule buying every member alike"),
        "net_return_annual": ("net_return", "after costs"),
        "benchmark_return_annual": ("benchmark_return", "equal-weight universe that could be held, before costs"),
    }
    found = [
        _yearly(name, days[column], spec, f"{text}; summed, not compounded") for name, (column, text) in means.items()
    ]
    drag = _mean(days["gross_return"] - days["net_return"]) * SESSIONS_PER_YEAR
    fall = float((daily["nav"] / daily["nav"].cum_max()).min()) - 1  # type: ignore[arg-type]
    refused = orders.filter(pl.col("status") == "refused").group_by("side", "reason").len().sort("side", "reason")
    plain = [
        ("max_drawdown", fall, "share of nav", "deepest fall of nav from its highest value before"),
        ("turnover", _mean(days["turnover"]), "share of nav a session", "half of bought and sold"),
        ("costs_annual", drag, "share of nav a year", "fees, tax on dividends and impact"),
        ("costs", float(daily.select(pl.sum("fees", "dividend_tax", "impact")).sum_horizontal()[0]), "yuan", "in all"),
        ("orders", float(len(orders)), "orders", "placed, filled or refused"),
        ("orders_refused", float(refused["len"].sum()), "orders", "a buy stays cash, a sale waits"),
        ("orders_partial", float((orders["status"] == "partial").sum()), "orders", "filled in part"),
        *(
            (f"refused_{side}_{reason}", float(count), "orders", f"{side} orders refused: {reason.replace('_', ' ')}")
            for side, reason, count in refused.iter_rows()
        ),
    ]
    lost = simulation.shortfall.filter(pl.col("session").is_in(days["session"].implode()))
    return [*found, *_lost(lost, spec), *(Figure.plain(*line) for line in plain)]


def _lost(shortfall: pl.DataFrame, spec: TradingSpec) -> list[Figure]:
    """What each friction takes in a year; together what lies between the frictionless and the net return."""
    columns = {"frictionless_return_annual": ("frictionless_return", "every order fills whole and free of charge")}
    columns |= {f"lost_to_{cause}_annual": (cause, f"return lost to {text}") for cause, text in CAUSES.items()}
    return [_yearly(name, shortfall[column], spec, f"{text}; summed") for name, (column, text) in columns.items()]


def _yearly(name: str, returns: pl.Series, spec: TradingSpec, text: str) -> Figure:
    found = interval(returns, spec.hold_sessions).times(SESSIONS_PER_YEAR)
    return Figure.of(name, found, "simple return a year", text)


def _mean(values: pl.Series) -> float:
    return float(values.mean()) if len(values) else math.nan  # type: ignore[arg-type]


def _orders(placed: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    sessions, reasons = pl.Series(grid.sessions, dtype=pl.Date), pl.Series([None, *REASONS[1:]], dtype=pl.String)
    whole, nothing = pl.col("shares") >= pl.col("asked"), pl.col("shares") == 0
    named = placed.with_columns(
        session=sessions.gather(placed["session"]),
        opened=sessions.gather(placed["opened"]),
        security_id=pl.Series(grid.securities, dtype=pl.String).gather(placed["security"]),
        side=pl.when("side").then(pl.lit("sell")).otherwise(pl.lit("buy")),
        fee=pl.Series(np.rint(placed.select(FEES).to_numpy().sum(axis=1) * 100) / 100),
        status=pl.when(nothing).then(pl.lit("refused")).when(whole).then(pl.lit("filled")).otherwise(pl.lit("partial")),
        reason=reasons.gather(placed["reason"]),
    )
    return Orders.validate(named.sort("session", "side", "opened", "security_id"))


def _positions(held: pl.DataFrame, grid: Grid) -> pl.DataFrame:
    return Positions.validate(
        held.with_columns(
            session=pl.Series(grid.sessions, dtype=pl.Date).gather(held["session"]),
            security_id=pl.Series(grid.securities, dtype=pl.String).gather(held["security"]),
        )
    )


def _daily(chosen: Books, unchosen: Books, exchange: Exchange, starting: int) -> pl.DataFrame:
    days = chosen.days
    given_up_T = days["fees"] + days["dividend_tax"] + days["impact"]
    columns = {
        "session": pl.Series(exchange.grid.sessions[1:], dtype=pl.Date),
        **{name: days[name] for name in ("nav", "cash", "fees", "dividend_tax", "impact", "dividends")},
        "net_return": chosen.net_returns,
        "gross_return": (days["nav"] + given_up_T) / days["before"] - 1,
        "benchmark_return": pl.Series(exchange.benchmark()).fill_nan(None),
        "unchosen_return": unchosen.net_returns,
        "turnover": (days["bought"] + days["sold"]) / 2 / days["before"],
    }
    return PortfolioDaily.validate(
        pl.DataFrame(columns).with_columns(
            excess_return=pl.when(pl.int_range(pl.len()) >= starting).then(
                pl.col("net_return") - pl.col("benchmark_return")
            ),
            selection_return=pl.col("gross_return") - pl.col("unchosen_return"),
        )
    )


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
