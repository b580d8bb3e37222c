"""Shortfall: the return that each friction takes, from a market that fills every order to the one that is there.

The same forecasts are traded several times, each time with one friction more: suspensions refuse, then limits, then
shares come in lots, then the volume caps, then an order's own weight moves the price, then fees and taxes are charged
to the cent. What a step takes away is the loss to its cause, so that the causes add up to the frictionless less the net
return of each session. What two frictions do only together falls to the later of them.
"""
# T sessions

from __future__ import annotations

import math

import dataframely as dy
import polars as pl

from assets.evaluation.exchange import Exchange
from assets.evaluation.execution import Books, execute
from assets.evaluation.executor import Plan, Rules, Tariff
from expectations.tables import Table

CAUSES = {
    "suspensions": "orders for names without trading",
    "limits": "orders against a locked limit",
    "lots": "shares in whole lots",
    "volume": "the cap on the share of the usual volume",
    "impact": "the price moved by the orders themselves",
    "costs": "commission, stamp duty, transfer fee, tax on dividends, and the rounding to cents",
}


class Shortfall(Table):
    """Return of each session lost to each cause; the causes add up to frictionless_return less net_return."""

    session = dy.Date(primary_key=True)
    frictionless_return = dy.Float64(
        metadata={"unit": "simple return", "definition": "every order fills, in fractions of shares and free of charge"}
    )
    suspensions = dy.Float64(metadata={"definition": CAUSES["suspensions"]})
    limits = dy.Float64(metadata={"definition": CAUSES["limits"]})
    lots = dy.Float64(metadata={"definition": CAUSES["lots"]})
    volume = dy.Float64(metadata={"definition": CAUSES["volume"]})
    impact = dy.Float64(metadata={"definition": CAUSES["impact"]})
    costs = dy.Float64(metadata={"definition": CAUSES["costs"]})
    net_return = dy.Float64(metadata={"unit": "simple return"})


def shortfall(exchange: Exchange, plan: Plan, rules: Rules, free: Tariff, net: Books) -> pl.DataFrame:
    """The `Shortfall` of books that were executed by these rules; `free` is a tariff without fees."""
    base = without_frictions(rules)
    steps = [
        base,
        base := base._replace(halts=rules.halts),
        base := base._replace(limits=rules.limits),
        base := base._replace(whole_lots=rules.whole_lots),
        base := base._replace(participation=rules.participation),
        base._replace(impact=rules.impact),
    ]
    returns = [execute(exchange, plan, step, free).net_returns for step in steps] + [net.net_returns]
    lost = {name: before - after for name, before, after in zip(CAUSES, returns, returns[1:], strict=False)}
    sessions = pl.Series(exchange.grid.sessions[1:], dtype=pl.Date)
    columns = {"session": sessions, "frictionless_return": returns[0], **lost, "net_return": returns[-1]}
    return Shortfall.validate(pl.DataFrame(columns))


def without_frictions(rules: Rules) -> Rules:
    """The same rules in a market that fills every order, in fractions of shares and of cents."""
    return rules._replace(
        halts=False,
        limits=False,
        whole_lots=False,
        whole_cents=False,
        participation=math.inf,
        impact=0.0,
        taxed=False,
        recorded=False,
    )
