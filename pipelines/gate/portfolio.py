"""Portfolio: whether an experiment's orders could have been had, as evidence its report asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import dagster as dg
import polars as pl

from assets.cleaning.lot_sizes import lots_by_session
from assets.cleaning.rule_book import BOARDS
from assets.evaluation.portfolio import placed, simulate
from assets.evaluation.trading import TradingSpec
from expectations.evidence import EXECUTION
from expectations.orders import Books, Terms, orders
from expectations.orders_foretold import Traded, orders_foretold
from expectations.tables import Bars, Universe
from pipelines.gate.evidence import EVIDENCE, evidence_table
from pipelines.gate.verdicts import add_verdict
from pipelines.graph import Graph
from pipelines.inputs import whole

STAGE = "portfolio"
MODULES = ("assets.evaluation.portfolio", "assets.evaluation.ensemble", "assets.evaluation.information")
"""What makes orders of forecasts."""


@dataclass(frozen=True)
class Dealt:
    """What was traded of an experiment.

    name     of the experiment
    key      prefix of its asset keys
    trading  how forecasts become orders
    told     rows of Forecasts -> what is traded
    """

    name: str
    key: str
    trading: TradingSpec
    told: Callable[[pl.DataFrame], pl.DataFrame]


def add_portfolio(graph: Graph, dealt: Dealt) -> str:
    """Add the evidence and the verdict on the orders of one experiment; returns the key of the verdict."""

    def had(stored: Traded, daily: pl.DataFrame) -> pl.DataFrame:
        return could_be_had(stored, daily, dealt.trading)

    def foretold(stored: Traded, daily: pl.DataFrame) -> pl.DataFrame:
        return knew_no_future(stored, dealt.trading)

    _add(graph, dealt, "orders", had, "Every order and fill of the portfolio could have been had, by rule.")
    _add(graph, dealt, "orders_foretold", foretold, "What was asked for follows neither its session nor later ones.")
    return add_verdict(graph, STAGE, ["orders", "orders_foretold"], of=dealt.name)


def could_be_had(stored: Traded, daily: pl.DataFrame, trading: TradingSpec) -> pl.DataFrame:
    """EXECUTION of the stored orders and days; what was held between is simulated again."""
    positions = simulate(stored.forecasts, stored.bars, stored.universe, trading).positions
    books = Books(stored.orders, positions, daily)
    return orders(books, stored.forecasts, stored.bars, lots_of(daily["session"].to_list()), terms_of(trading))


def knew_no_future(stored: Traded, trading: TradingSpec) -> pl.DataFrame:
    """EXECUTION of the orders made again with another session, another future, and in a stressed market."""

    def trade(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
        return placed(forecasts, bars, universe, trading)

    return orders_foretold(stored, trade, terms_of(trading), trading.take_profit is not None)


def terms_of(trading: TradingSpec) -> Terms:
    """What the rules ask of a trading spec."""
    hold = trading.hold_sessions if trading.holding == "sleeves" else None
    return Terms(trading.price, hold, trading.participation, trading.capital, trading.strict)


def lots_of(sessions: Sequence[date]) -> pl.DataFrame:
    """Smallest order and step of every session and board."""
    minimum_TB, step_TB = lots_by_session(sessions)
    days = pl.DataFrame({"session": pl.Series("session", sessions, dtype=pl.Date)})
    frame = days.join(pl.DataFrame({"board": BOARDS}), how="cross", maintain_order="left_right")
    return frame.with_columns(lot_minimum=pl.Series(minimum_TB.ravel()), lot_step=pl.Series(step_TB.ravel()))


def _add(
    graph: Graph, dealt: Dealt, name: str, make: Callable[[Traded, pl.DataFrame], pl.DataFrame], text: str
) -> None:
    key = f"{EVIDENCE}{name}_{dealt.name}"

    def made(context: dg.AssetExecutionContext, **frames: pl.LazyFrame) -> pl.DataFrame:
        read = {one: frame.collect() for one, frame in frames.items()}
        told = dealt.told(read["forecasts"])
        return make(Traded(told, read["bars"], read["universe"], read["orders"]), read["daily"])

    graph.add(
        evidence_table(key, EXECUTION),
        made,
        key=key,
        description=text,
        modules=(f"expectations.{name}", *MODULES),
        inputs={
            **whole({one: f"{dealt.key}/{one}" for one in ("forecasts", "orders")}),
            **whole({"daily": f"{dealt.key}/portfolio"}),
            **whole({"bars": Bars.asset_key, "universe": Universe.asset_key}),
        },
        settings=dealt.trading.model_dump_json(),
    )
