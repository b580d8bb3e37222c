"""Earned section: the parts of a report on what the forecasts would have earned, with this capital and with more."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import polars as pl

from assets.evaluation import depth_section
from assets.evaluation import earned_pictures as drawing
from assets.evaluation.capacity import largest_capital
from assets.evaluation.page import pictured, section, table, words
from assets.evaluation.portfolio import Simulation
from assets.evaluation.report_numbers import bounded_text, shown
from assets.evaluation.trading import TradingSpec

CAPTIONS = {
    "worth": "Growth of the portfolio beside the equal-weight universe",
    "lost_by_cause": "Return lost to limits, suspensions, lots, volume, impact and costs",
    "refused_orders": "Refused orders by reason",
    "by_capital": "Excess return by capital",
}
LOST = (
    "The same forecasts are traded again with one friction more each time. What a step takes away is the loss to that "
    "cause, so that the causes add up; a gain is luck, or money that stayed out of a falling market."
)
MORE = (
    "The same forecasts, traded with more money from the start. An order moves its price with the square root of its "
    "share of the usual volume and fills up to the cap; the rest stays cash, so that a large sum lies partly idle. "
    "What takes days to sell is held on a forecast that is older by as many; the last column tells how good that is."
)
KEPT_RATIO = 0.5
"""Information ratio a year whose largest capital is told."""


def drawn(simulation: Simulation | None, figures: pl.DataFrame, curve: pl.DataFrame) -> dict[str, bytes]:
    """Name -> picture, for every part that has something to show.

    figures  rows of one segment of `report.Summary`
    curve    rows of `Capacity`
    """
    found = {}
    if simulation:
        found["worth"] = drawing.worth(simulation.daily)
        found["lost_by_cause"] = drawing.lost_by_cause(figures)
        if len(refused := refusals(simulation.orders)):
            found["refused_orders"] = drawing.refused_orders(refused)
    if len(curve):
        found["by_capital"] = drawing.by_capital(curve)
    return found


def told(trading: TradingSpec, depth: pl.DataFrame, curve: pl.DataFrame, pictures: Mapping[str, bytes]) -> list[str]:
    """The sections, as HTML: what was earned, and what larger sums would have; empty without a simulation."""
    beside, leaning = depth_section.earned(depth, pictures)
    lost = pictured("lost_by_cause", pictures, CAPTIONS)
    earned = [
        pictured("worth", pictures, CAPTIONS),
        beside,
        words(LOST) + lost if lost else "",
        leaning,
        pictured("refused_orders", pictures, CAPTIONS),
    ]
    rule = [_rule(trading)] if any(earned) else []
    more = [words(f"{MORE} {kept(curve)}"), pictured("by_capital", pictures, CAPTIONS), _lines(curve, depth)]
    return [
        section("What they would have earned", *rule, *earned),
        section("What larger sums would have earned", *(more if len(curve) else [])),
    ]


def refusals(orders: pl.DataFrame) -> pl.DataFrame:
    """Refused orders: side, reason, orders, share of the orders of that side."""
    placed = orders.with_columns(placed=pl.len().over("side"))
    refused = placed.filter(pl.col("status") == "refused").group_by("side", "reason")
    return refused.agg(orders=pl.len(), share=pl.len() / pl.col("placed").first()).sort("side", "reason")


def kept(curve: pl.DataFrame) -> str:
    """One sentence on the largest capital that keeps the information ratio."""
    largest = largest_capital(curve, KEPT_RATIO)
    if largest == 0:
        return f"None of these sums keeps an information ratio of {KEPT_RATIO:g} a year."
    if math.isinf(largest):
        return f"All of these sums keep an information ratio of {KEPT_RATIO:g} a year."
    return f"An information ratio of {KEPT_RATIO:g} a year is kept up to about {yuan(largest)} yuan."


def yuan(capital: float) -> str:
    """A sum in words: '31.6 million', '3.16 billion'."""
    return f"{capital / 1e9:.3g} billion" if capital >= 1e9 else f"{capital / 1e6:.3g} million"


def rank_ic_when_older(depth: pl.DataFrame, sessions: float) -> float:
    """RankIC of a forecast that is older by some sessions, between the ages that were measured; NaN beyond them."""
    rows = depth.filter(kind="age", metric="rank_ic").filter(pl.col("value").is_not_null())
    ages = rows["part"].str.split(" ").list.first().cast(pl.Float64).to_numpy()
    if not len(ages) or math.isnan(sessions):
        return math.nan
    order = np.argsort(ages)
    return float(np.interp(sessions, ages[order], rows["value"].to_numpy()[order], right=math.nan))


def _lines(curve: pl.DataFrame, depth: pl.DataFrame) -> str:
    """The curve as a table, a line for each capital."""
    lines = []
    for row in curve.sort("capital").iter_rows(named=True):
        bounds = (row["excess_return_annual"], row["lower"], row["upper"])
        takes = math.nan if row["sessions_to_exit"] is None else row["sessions_to_exit"]
        lines.append(
            (
                yuan(row["capital"]),
                bounded_text(*bounds, "simple return a year"),
                shown(row["information_ratio"], "standard deviations"),
                shown(row["invested"], "share"),
                shown(row["filled"], "share"),
                shown(takes, "per position"),
                shown(rank_ic_when_older(depth, takes), "correlation"),
            )
        )
    columns = ["yuan", "excess return a year", "information ratio", "invested", "buys filled", "sessions to sell"]
    frame = pl.DataFrame(lines, schema=[*columns, "RankIC when older by them"], orient="row")
    return table(frame, tuple(frame.columns[1:]))


def _rule(trading: TradingSpec) -> str:
    hold, kept = trading.hold_sessions, trading.top_k
    how = (
        f"the {kept} best are bought with 1/{hold} of the net asset value, and sold {hold} sessions later"
        if trading.holding == "sleeves"
        else f"{kept} names are held, of which the {trading.drop} worst are sold and as many of the best bought"
    )
    price = "VWAP" if trading.price == "vwap" else trading.price
    volume = f", at most {trading.participation:.0%} of the usual volume" if trading.participation else ""
    return (
        f"<p>After each session {how}, at the next session's {price}{volume}, moved by the orders' own weight "
        f"(Y {trading.impact:g}); start {trading.capital:,.0f} yuan, fees {trading.fees}. A refused buy stays cash, a "
        f"name that cannot be sold is held until it can. {_starting(trading.starting_sessions)} Bars tell no "
        "dividends: they are read off the ex-right reference, so that their tax may be wrong.</p>"
    )


def _starting(sessions: int) -> str:
    first = "The first session, in which" if sessions == 1 else f"The first {sessions} sessions, in which"
    return f"{first} the money is put to work, {'counts' if sessions == 1 else 'count'} in no return."
