"""Execution: forecasts, an exchange, rules and a tariff into books: what was asked, what was filled, what is held.

A decision after session t uses what was known by then: the forecasts, the last close, the usual volume, and the cash
with what falls due valued at its last price. Its orders are for session t + 1 alone. What is left of a buy lapses, what
is left of a sale is tried again in each session. Sales come before buys, so that their cash pays for them; the hard
limit is that cash never falls below nothing.

Bars tell the ex-right reference and not what it is made of. New shares are read in tenths and the rest as a dividend in
cash (`executor.read_off`): what one holds is worth the same either way, and only the tax on dividends can be wrong. A
dividend is paid on its ex-date; its tax is taken when the shares are sold.
"""
# T sessions, S securities, N forecasts in order

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from assets.evaluation import executor
from assets.evaluation.exchange import Exchange
from assets.evaluation.executor import NO_BAR, SUSPENDED, Floats, Plan, Rules, Tariff
from assets.wide import Grid

MONEY = ("value", "commission", "stamp_duty", "transfer_fee", "dividend_tax", "impact")
PLACES = ("session", "security", "opened", "reason")
FEES = ("commission", "stamp_duty", "transfer_fee")


@dataclass(frozen=True)
class Books:
    """Every order, the day of each session after the first, and every position at its close; in yuan.

    orders     columns as `executor.ORDER`; session, opened and security in places of the grid, side True for a sale
    days       columns as `executor.DAY`, [T - 1]
    positions  columns as `executor.POSITION`, places likewise
    """

    orders: pl.DataFrame
    days: Mapping[str, Floats]
    positions: pl.DataFrame

    @property
    def net_returns(self) -> Floats:
        """Return of each session after the first."""
        return self.days["nav"] / self.days["before"] - 1


def execute(exchange: Exchange, plan: Plan, rules: Rules, tariff: Tariff) -> Books:
    """Trade a plan from the second session of the exchange to its last."""
    orders_NC, days_TC, positions_NC = executor.run(exchange.market, tariff, plan, rules)
    return Books(
        orders=_frame(orders_NC, executor.ORDER).with_columns(
            side=pl.col("side") == executor.SELL,
            price=pl.when(pl.col("reason").is_in([NO_BAR, SUSPENDED])).then(None).otherwise("price"),
        ),
        days={name: days_TC[:, place] / 100 for place, name in enumerate(executor.DAY)},
        positions=_frame(positions_NC, executor.POSITION),
    )


def _frame(record_NC: Floats, names: tuple[str, ...]) -> pl.DataFrame:
    """Rows of a record, money in yuan: numpy divides to the nearest number, which is the cent as it is written."""
    columns = {name: record_NC[:, place] for place, name in enumerate(names)}
    return pl.DataFrame(
        {
            name: column / 100 if name in MONEY else column.astype(np.int64) if name in PLACES else column
            for name, column in columns.items()
        }
    )


def plan_of(forecasts: pl.DataFrame, universe: pl.DataFrame, grid: Grid, gates: Mapping[str, float]) -> Plan:
    """The members with a forecast of each session, best first; a session without forecasts has none.

    forecasts  session, security_id, forecast and the columns of the gates; repeated rows, as those of a validation
               session in two folds, are averaged; ties fall to the earlier id
    gates      column -> bound above which a name is not bought; where nothing is stated it is not bought either
    raises     ValueError for a gate on a column that the forecasts lack or never state
    """
    for column in gates:
        if column not in forecasts.columns or not forecasts[column].count():
            raise ValueError(f"trading sets max_{column}, and the forecasts state no {column}; take a loss that does")
    members = universe.filter(pl.col("is_member")).select("session", "security_id")
    best = (
        forecasts.filter(pl.col("forecast").is_finite())
        .join(members, on=["session", "security_id"])
        .group_by("session", "security_id", maintain_order=True)
        .agg(pl.col("forecast", *gates).mean())
        .filter(pl.col("session").is_in(grid.sessions))
        .sort("session", "forecast", "security_id", descending=[False, True, False])
    )
    rows, columns = grid.places(best)
    sure = [(pl.col(column) <= bound).fill_null(value=False) for column, bound in gates.items()]
    passed = best.select(pl.all_horizontal(sure)).to_series() if sure else pl.repeat(True, len(best), eager=True)
    return Plan(
        edge_T1=np.searchsorted(columns, np.arange(len(grid.sessions) + 1)).astype(np.int64),
        name_N=rows.astype(np.int64),
        may_buy_N=passed.to_numpy().astype(np.bool_),
    )
