"""Pictures of what a portfolio earned, one function each: small tables in, PNG bytes out."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.pictures import BLUE, GREEN, INK, ORANGE, RED, canvas, png
from assets.evaluation.shortfall import CAUSES

Percents = NDArray[np.float64]  # value, lower, upper
BY_CAUSE = ("frictionless_return_annual", *(f"lost_to_{cause}_annual" for cause in CAUSES), "net_return_annual")
"""Figures of `portfolio.figures`, from what every order would have earned to what is left."""


def worth(daily: pl.DataFrame) -> bytes:
    """Portfolio after costs beside its benchmark, and their difference. Rows of `portfolio.PortfolioDaily`."""
    lines = daily.select(
        "session",
        net=((1 + pl.col("net_return")).cum_prod() - 1) * 100,
        benchmark=((1 + pl.col("benchmark_return").fill_null(0.0)).cum_prod() - 1) * 100,
        excess=pl.col("excess_return").fill_null(0.0).cum_sum() * 100,
    )
    with canvas(4.0, rows=2, ratios=(3, 2)) as (figure, (above, below)):
        above.plot(lines["session"], lines["net"], color=BLUE, linewidth=1.6, label="portfolio after costs")
        above.plot(lines["session"], lines["benchmark"], color=ORANGE, linewidth=1.6, label="equal-weight universe")
        above.set_title("Growth, percent", pad=22)
        above.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 0.985), borderaxespad=0)
        below.fill_between(lines["session"], 0, lines["excess"], color=GREEN, alpha=0.25, linewidth=0)
        below.plot(lines["session"], lines["excess"], color=GREEN, linewidth=1.4)
        below.axhline(0, color=INK, linewidth=0.8)
        below.set_title("Excess return, summed, percent")
        return png(figure)


def refused_orders(counts: pl.DataFrame) -> bytes:
    """Refused orders by side and reason. Columns side, reason, orders, share (of the orders of that side)."""
    with canvas(0.9 + 0.32 * max(len(counts), 1)) as (figure, (axes,)):
        shown = counts.sort("orders")
        names = [f"{side}: {reason.replace('_', ' ')}" for side, reason in shown.select("side", "reason").iter_rows()]
        colours = [BLUE if side == "buy" else ORANGE for side in shown["side"]]
        bars = axes.barh(names, shown["orders"], color=colours, height=0.62)
        labels = [f"{orders:,} ({share:.2%})" for orders, share in shown.select("orders", "share").iter_rows()]
        axes.bar_label(bars, labels, padding=4, fontsize=8)
        axes.margins(x=0.18)
        axes.grid(visible=False, axis="y")
        axes.set_title("Orders refused, and their share of the orders of that side")
        return png(figure)


def lost_by_cause(figures: pl.DataFrame) -> bytes:
    """From the return of a market that fills every order to the net return, cause by cause.

    figures  rows of one segment of `report.Summary`, those of `BY_CAUSE` among them
    """
    known = {name: (value, lower, upper) for name, value, lower, upper in _by_cause(figures).iter_rows()}
    whole, *lost, left = (np.array(known[name]) * 100 for name in BY_CAUSE)
    names = ["every order fills, free of charge", *(f"lost to {cause}" for cause in CAUSES), "what is left"]
    ends = whole[0] - np.cumsum([0.0, *(cause[0] for cause in lost)])
    begins = np.array([0.0, *ends[:-1], 0.0])
    widths = np.array([whole[0], *(-cause[0] for cause in lost), left[0]])
    colours = [BLUE, *(RED if cause[0] >= 0 else GREEN for cause in lost), BLUE]
    with canvas(0.9 + 0.3 * len(names)) as (figure, (axes,)):
        axes.barh(names, widths, left=begins, color=colours, height=0.62)
        for place, label in enumerate(_labels(whole, lost, left)):
            axes.text(1.015, place, label, transform=axes.get_yaxis_transform(), va="center", fontsize=8)
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("percent a year, summed; brackets hold the 95% interval")
        axes.set_title("Where the return of the orders went")
        return png(figure)


def by_capital(curve: pl.DataFrame) -> bytes:
    """Excess return by capital with its interval; below, how much of the money is at work. Rows of `Capacity`."""
    capital = curve["capital"] / 1e6
    value, lower, upper = (curve[name] * 100 for name in ("excess_return_annual", "lower", "upper"))
    with canvas(4.4, rows=2, ratios=(3, 2)) as (figure, (above, below)):
        above.fill_between(
            capital, lower.fill_null(np.nan), upper.fill_null(np.nan), color=BLUE, alpha=0.2, linewidth=0
        )
        above.plot(capital, value, "o-", color=BLUE, markersize=4, linewidth=1.4)
        above.axhline(0, color=INK, linewidth=0.8)
        above.set_xscale("log")
        above.set_title("Excess return after costs, percent a year, with 95% interval")
        below.plot(capital, curve["invested"] * 100, "o-", color=BLUE, markersize=4, label="of the money invested")
        below.plot(capital, curve["filled"] * 100, "o-", color=ORANGE, markersize=4, label="of the buys filled")
        below.set_ylim(-5, 105)
        below.set_xticks(capital.to_list(), [f"{one:,.3g}" if one < 1000 else f"{one:,.0f}" for one in capital])
        below.minorticks_off()
        below.set_xlabel("capital at the start, million yuan")
        below.set_title("How much of it is at work, percent", pad=22)
        below.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 0.985), borderaxespad=0)
        return png(figure)


def _by_cause(figures: pl.DataFrame) -> pl.DataFrame:
    rows = figures.filter(pl.col("metric").is_in(BY_CAUSE))
    return rows.select("metric", pl.col("value", "lower", "upper").fill_null(np.nan))


def _labels(whole: Percents, lost: list[Percents], left: Percents) -> list[str]:
    """Percents with their bounds; a loss is told below 0."""
    signed = [whole, *(np.array([-cause[0], -cause[2], -cause[1]]) for cause in lost), left]
    return [
        f"{value:+z.2f}" + ("" if np.isnan(lower) else f" [{lower:+z.2f}, {upper:+z.2f}]")
        for value, lower, upper in signed
    ]
