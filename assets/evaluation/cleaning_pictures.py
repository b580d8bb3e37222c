"""Cleaning pictures: the share of rows that each rule touched by year, and what turning it about changed, as PNG."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from assets.evaluation.pictures import BLUE, GREEN, INK, ORANGE, RED, STYLE, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = {"refused": RED, "changed": GREEN, "masked": BLUE, "flagged": ORANGE}
WIDTH = 8.0


def shares_by_year(counts: pl.DataFrame) -> bytes:
    """Share of rows touched by rule and year, a dot whose area grows with it. Rows of `CleaningCounts`."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    there = pl.col("rows") / pl.col("share")
    cells = counts.group_by("rule", "action", "year").agg(share=pl.col("rows").sum() / there.sum())
    cells = cells.sort("action", "rule", "year")
    rules = cells["rule"].unique(maintain_order=True).to_list()[::-1]
    years = sorted(cells["year"].unique().to_list())
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.2 + 0.28 * len(rules)), dpi=144)
        axes = figure.subplots()
        for (action,), part in cells.group_by("action", maintain_order=True):
            x = [years.index(year) for year in part["year"]]
            y = [rules.index(rule) for rule in part["rule"]]
            size = 20 + 400 * part["share"].to_numpy()
            axes.scatter(x, y, s=size, color=COLOURS[str(action)], label=str(action), alpha=0.8)
            for place, row, share in zip(x, y, part["share"], strict=True):
                axes.annotate(f"{share:.2%}", (place, row), xytext=(9, -3), textcoords="offset points", fontsize=7)
        axes.set_yticks(range(len(rules)), [rule.replace("_", " ") for rule in rules])
        axes.set_xticks(range(len(years)), [str(year) for year in years])
        axes.set_xlim(-0.4, len(years) - 0.3)
        axes.set_title("Share of the raw rows of a year that each rule touched", pad=22)
        axes.legend(ncols=4, loc="lower left", bbox_to_anchor=(-0.01, 0.985), borderaxespad=0)
        return png(figure)


def effect_of_rules(effect: pl.DataFrame) -> bytes:
    """Change of RankIC and of net excess return when a rule is turned about, with intervals. `CleaningEffect` rows."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    lines = effect.filter(pl.col("turned") != "nothing", pl.col("rank_ic_change").is_not_null())
    names = [f"{rule.replace('_', ' ')} ({turned})" for rule, turned in lines.select("rule", "turned").iter_rows()]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.2 + 0.28 * len(names)), dpi=144)
        left, right = figure.subplots(1, 2, sharey=True)
        _whiskers(left, lines, "rank_ic_change", 1.0, "RankIC")
        _whiskers(right, lines, "excess_change", 100.0, "Net excess, points a year")
        left.set_yticks(range(len(names))[::-1], names, fontsize=8)
        figure.suptitle("What changes when one rule is turned about, 95% intervals", x=0.01, ha="left", fontsize=10)
        return png(figure)


def _whiskers(axes: Axes, lines: pl.DataFrame, column: str, scale: float, title: str) -> None:
    mean, lower, upper = (lines[f"{column}{end}"].to_numpy() * scale for end in ("", "_lower", "_upper"))
    reach = np.clip(np.nan_to_num(np.vstack([mean - lower, upper - mean])), 0, None)
    places = np.arange(len(lines))[::-1]
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.errorbar(mean, places, xerr=reach, fmt="o", color=BLUE, markersize=4, linewidth=1.4, capsize=3)
    axes.set_title(title)
