"""Orders foretold: whether what is asked for follows the session in which it is dealt, or a later one.

Orders are sized by what was known after the session before. So the simulation is made again with bars, members and
forecasts of which only those up to that session are as they were: names and shares asked for must be the same to the
bit. In another market, where names are locked, suspended or without a bar in the session of their order, these orders
must be refused: a small market may never let an order meet a locked name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from expectations.evidence import EXECUTION
from expectations.orders import Terms, refusals, sales_can_occur
from expectations.rules import counted

Trade = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""Forecasts, bars, universe -> rows of Orders."""
SESSIONS_TRIED = 4
SESSIONS_AFTER = 5
KEYS = ("session", "security_id", "side", "opened")
PRICES = ("open", "high", "low", "close", "vwap")
STRESSED = 8
"""Of so many orders of a side, the first is locked, the second suspended, the third without a bar."""


@dataclass(frozen=True)
class Traded:
    """What was traded, and the orders that are stored of it.

    forecasts  session, security_id, forecast and the columns of the gates
    bars       rows of Bars
    universe   rows of Universe
    orders     rows of Orders
    """

    forecasts: pl.DataFrame
    bars: pl.DataFrame
    universe: pl.DataFrame
    orders: pl.DataFrame


def orders_foretold(traded: Traded, trade: Trade, terms: Terms, takes_profit: bool, seed: int = 0) -> pl.DataFrame:
    """By rule, how many orders differ from the stored ones where they may not, and how many stressed ones fill.

    trade         makes the orders again
    takes_profit  whether positions are sold at a target, which follows the session
    returns       EXECUTION; a rule that met no order shows nothing, and fails
    """
    rows, followed = [_again(traded, trade)], list[dict[str, object]]()
    for session in sessions_of_every_kind(traded.orders):
        other = rewritten(traded, session, seed)
        found = trade(*other)
        rows += _kept(traded.orders, found, session, takes_profit)
        followed += _followed(traded, other[1], found, session, terms.price)
    if not followed and filled(traded.orders).height:
        followed = [counted("prices of a session that was tried follow it", filled(traded.orders).height, 1)]
    stressed_bars = stressed(traded.bars, traded.orders)
    placed = trade(traded.forecasts, stressed_bars, traded.universe)
    met = refusals(placed, stressed_bars, terms, with_sales=sales_can_occur(traded.orders, terms))
    return pl.concat([pl.DataFrame([*rows, *followed], schema=EXECUTION), met])


def sessions_of_every_kind(orders: pl.DataFrame, most: int = SESSIONS_TRIED) -> list[date]:
    """Sessions that together have orders of every kind (side, status and reason), the fewest found, at most so many."""
    kinds = {
        session: set(found.select("side", "status", "reason").iter_rows())
        for (session,), found in orders.sort("session").group_by("session", maintain_order=True)
    }
    chosen: list[date] = []
    missing: set[tuple[object, ...]] = set().union(*kinds.values())
    while missing and len(chosen) < most:
        best = max(kinds, key=lambda session: len(kinds[session] & missing))
        chosen.append(best)
        missing -= kinds[best]
    return sorted(chosen)


def rewritten(traded: Traded, session: date, seed: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Forecasts, bars and universe of which only what was known before a session is as it was.

    Flags and ex-right data of the session itself stay: whether an order is refused is told by it alone.
    """
    rng = np.random.default_rng(seed)
    days = traded.bars["session"].unique().sort()
    later = days.filter(days > session)
    until = later[min(SESSIONS_AFTER, len(later)) - 1] if len(later) else session
    day = pl.col("session")
    forecasts = traded.forecasts.filter(day < until).with_columns(
        forecast=pl.when(day >= session).then(-pl.col("forecast")).otherwise("forecast")
    )
    flipped = pl.Series(rng.random(traded.universe.height) < 0.2)
    universe = traded.universe.with_columns(
        is_member=pl.when((day >= session) & flipped).then(~pl.col("is_member")).otherwise("is_member")
    )
    dealt = traded.orders.filter(session=session)["security_id"].unique().sort()
    return forecasts, _other_future(_other_session(traded.bars, session, rng), session, dealt, rng), universe


def stressed(bars: pl.DataFrame, orders: pl.DataFrame) -> pl.DataFrame:
    """Bars in which some names dealt in are locked, suspended or without a row in the session of their order."""
    numbered = (
        orders.filter(pl.col("shares") > 0)
        .sort(*KEYS)
        .unique(["session", "security_id"], keep="first", maintain_order=True)
        .with_columns(_turn=pl.int_range(pl.len()).over("side", order_by=["session", "security_id"]) % STRESSED)
        .select("session", "security_id", "side", "_turn")
    )
    marked = bars.join(numbered, on=["session", "security_id"], how="left", maintain_order="left")
    marked = marked.filter((pl.col("_turn") != 2).fill_null(value=True))
    limit = pl.when(pl.col("side") == "buy").then("limit_up").otherwise("limit_down").fill_null(pl.col("close"))
    locked, halted = (pl.col("_turn") == 0).fill_null(value=False), (pl.col("_turn") == 1).fill_null(value=False)
    shown = [pl.when(locked).then(limit).when(halted).then(None).otherwise(name).alias(name) for name in PRICES]
    return marked.with_columns(
        *shown,
        is_suspended=pl.col("is_suspended") | halted,
        is_locked_up=(pl.col("is_locked_up") | (locked & (pl.col("side") == "buy"))) & ~halted,
        is_locked_down=(pl.col("is_locked_down") | (locked & (pl.col("side") == "sell"))) & ~halted,
        volume=pl.when(halted).then(0.0).otherwise("volume"),
    ).drop("side", "_turn")


def _again(traded: Traded, trade: Trade) -> dict[str, object]:
    again = trade(traded.forecasts, traded.bars, traded.universe)
    return _same("the stored orders are those of the simulation made again, to the bit", traded.orders, again)


def _kept(orders: pl.DataFrame, found: pl.DataFrame, session: date, takes_profit: bool) -> Iterator[dict[str, object]]:
    """What may not change: orders before the session, and what is asked for in it."""
    before = pl.col("session") < session
    if (earlier := orders.filter(before)).height:
        yield _same(
            f"orders before {session} stay where that session and its future are others", earlier, found.filter(before)
        )
    asked = [_asked(frame.filter(session=session), takes_profit) for frame in (orders, found)]
    yield _same(f"what is asked for on {session} stays where that session and its future are others", *asked)


def _followed(
    traded: Traded, other_bars: pl.DataFrame, found: pl.DataFrame, session: date, price: str
) -> Iterator[dict[str, object]]:
    """What must change, or nothing was tried: prices of fills in names whose price could be made another."""
    one, other = (bars.filter(session=session).select("security_id", price) for bars in (traded.bars, other_bars))
    moved = one.join(other, on="security_id").filter(pl.col(price) != pl.col(f"{price}_right"))["security_id"]
    stored, again = (
        filled(orders).filter(pl.col("security_id").is_in(moved.implode()), session=session).select(*KEYS, "price")
        for orders in (traded.orders, found)
    )
    if stored.height:
        rule = f"prices of {session} follow that session, so that it is known to be others"
        yield counted(rule, stored.height, int(stored.equals(again)))


def filled(orders: pl.DataFrame) -> pl.DataFrame:
    """Orders of which a share was filled."""
    return orders.filter(pl.col("shares") > 0)


def _asked(orders: pl.DataFrame, takes_profit: bool) -> pl.DataFrame:
    """Names and shares; a sale at a target stands open, and follows the session."""
    by_rule = (pl.col("side") == "buy") | (pl.col("shares") > 0) & pl.col("reason").ne_missing(pl.lit("take_profit"))
    return (orders.filter(by_rule) if takes_profit else orders).select(*KEYS, "asked")


def _same(rule: str, stored: pl.DataFrame, found: pl.DataFrame) -> dict[str, object]:
    """Rows that only one side has, or that differ by a bit."""
    one, other = stored.sort(KEYS), found.select(stored.columns).sort(KEYS)
    if one.equals(other):
        return counted(rule, one.height, 0)
    apart = pl.concat([
        one.join(other, on=one.columns, how="anti", nulls_equal=True),
        other.join(one, on=one.columns, how="anti", nulls_equal=True),
    ])  # fmt: skip
    keys = apart.select(KEYS).unique().sort(KEYS)
    return counted(rule, one.height, max(keys.height, 1), keys)


def _other_session(bars: pl.DataFrame, session: date, rng: np.random.Generator) -> pl.DataFrame:
    """Other prices and volumes in the session, for what trades in it and is not locked.

    What closes at a limit keeps its range and close, as a strict rule refuses by it.
    """
    free = ~pl.col("is_suspended") & ~pl.col("is_locked_up") & ~pl.col("is_locked_down") & pl.col("vwap").is_not_null()
    at_limit = (pl.col("close") <= pl.col("limit_down") + 0.01) | (pl.col("close") >= pl.col("limit_up") - 0.01)
    stays = at_limit.fill_null(value=False)
    wider = pl.when(stays).then(0.0).otherwise(0.03)
    low = pl.max_horizontal(pl.col("low") * (1 - wider), pl.col("limit_down") + 0.02)
    high = pl.min_horizontal(pl.col("high") * (1 + wider), pl.col("limit_up") - 0.02)
    moves = (pl.col("session") == session) & free & (low < high)
    inside = {name: low + pl.Series(rng.random(bars.height)) * (high - low) for name in ("open", "close", "vwap")}
    told = {
        **{name: (moves, inside[name]) for name in ("open", "vwap")},
        **{name: (moves & ~stays, value) for name, value in (("close", inside["close"]), ("low", low), ("high", high))},
        "volume": (moves, pl.col("volume") * pl.Series(rng.lognormal(0, 1, bars.height))),
    }
    return bars.with_columns(
        pl.when(which).then(value).otherwise(name).alias(name) for name, (which, value) in told.items()
    )


def _other_future(bars: pl.DataFrame, session: date, dealt: pl.Series, rng: np.random.Generator) -> pl.DataFrame:
    """Other prices, volumes, halts and locks in later sessions; every second name dealt in ends with the session."""
    later = pl.col("session") > session
    kept = bars.filter(~later | ~pl.col("security_id").is_in(dealt.gather_every(2).implode()))
    draw = {name: pl.Series(rng.random(kept.height)) for name in ("halt", "up", "down", "price", "volume")}
    halts = later & (draw["halt"] < 0.05) | pl.col("is_suspended")
    scale = 1 + (draw["price"] - 0.5) / 10
    prices = [
        pl.when(later & halts).then(None).when(later).then(pl.col(name) * scale).otherwise(name).alias(name)
        for name in PRICES
    ]
    locked = [
        pl.when(later).then(~halts & (draw[way] < 0.1)).otherwise(f"is_locked_{way}").alias(f"is_locked_{way}")
        for way in ("up", "down")
    ]
    volume = pl.when(later).then(pl.col("volume") * draw["volume"] * 3).otherwise("volume")
    return kept.with_columns(*prices, *locked, is_suspended=halts, volume=volume)
