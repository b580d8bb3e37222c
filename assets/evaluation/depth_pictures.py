"""Pictures of figures by part, one function each; rows of `depth.Depth` in, PNG bytes out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.pictures import BLUE, GREEN, GREY, INK, ORANGE, canvas, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SLICES = ("all", "year", "market volatility", "market return", "board", "size")
"""Kinds that are drawn; industries are told in a table, as their names may be in letters that no picture here has."""
NAMED = {"nothing": "as it is", "everything": "without all of these"}
ROW = 0.2
"""Height of a line of a picture that lists parts, in inches."""


def rank_ic_of_slices(depth: pl.DataFrame) -> bytes:
    """RankIC of every slice but industries with its interval, kind by kind, from top to bottom."""
    rows = _told(depth, SLICES, "rank_ic")
    kinds = [kind for kind in SLICES if kind in set(rows["kind"])]
    with canvas(1.1 + ROW * (len(rows) + len(kinds))) as (figure, (axes,)):
        names: list[str] = []
        places: list[float] = []
        here = 0.0
        for kind in kinds:
            part = rows.filter(pl.col("kind") == kind)
            at = here + np.arange(len(part), dtype=float)
            _whiskers(axes, part, at, INK if kind == "all" else BLUE)
            names += [name if kind == "all" else f"{kind}: {name}" for name in part["part"]]
            places += at.tolist()
            here += len(part) + 0.6
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.axvline(rows["value"].to_list()[0], color=GREY, linewidth=0.8, linestyle="--")
        axes.set_yticks(places, names)
        axes.set_ylim(here - 0.4, -0.8)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("RankIC, mean of the sessions, with 95% interval; dashed: all cases")
        axes.set_title("Right of 0 the forecast orders the names of that part rightly")
        return png(figure)


def what_age_leaves(depth: pl.DataFrame) -> bytes:
    """RankIC by age of the forecast; below, how alike the order is after as many sessions."""
    ages = _told(depth, ("age",), "rank_ic")
    alike, replaced = (_told(depth, ("age",), metric) for metric in ("autocorrelation", "top_tenth_replaced"))
    names = [part.split()[0] for part in ages["part"]]
    with canvas(4.4, rows=2, ratios=(3, 2)) as (figure, (above, below)):
        _uprights(above, ages, np.arange(len(ages)))
        above.axhline(0, color=INK, linewidth=0.8)
        above.set_title("RankIC of a forecast that is as many sessions old")
        for part, colour, label in (
            (alike, BLUE, "order alike (rank correlation)"),
            (replaced, ORANGE, "best tenth replaced"),
        ):
            at = [names.index(text.split()[0]) for text in part["part"]]
            below.plot(at, part["value"], "o-", color=colour, markersize=4, linewidth=1.2, label=label)
        below.set_ylim(-0.05, 1.05)
        below.set_xticks(range(len(names)), names)
        below.set_xlabel("age in sessions")
        below.set_title("How fast the order changes", pad=22)
        below.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 0.985), borderaxespad=0)
        return png(figure)


def what_styles_leave(depth: pl.DataFrame) -> bytes:
    """RankIC before and after taking each style out of the forecast."""
    rows = _told(depth, ("taken out",), "rank_ic")
    with canvas(1.2 + 1.2 * ROW * len(rows)) as (figure, (axes,)):
        _list(axes, rows, [NAMED.get(name, f"without {name}") for name in rows["part"]], BLUE)
        axes.axvline(rows["value"].to_list()[0], color=GREY, linewidth=0.8, linestyle="--")
        axes.set_xlabel("RankIC of what is left, with 95% interval")
        axes.set_title("Near the dashed line: the forecast is no disguise of that style")
        return png(figure)


def styles_held(depth: pl.DataFrame) -> bytes:
    """How far the portfolio leans on each style."""
    rows = _told(depth, ("held",), "active_exposure")
    with canvas(1.2 + 1.2 * ROW * len(rows)) as (figure, (axes,)):
        _list(axes, rows, rows["part"].to_list(), GREEN)
        reach = max(1.0, float(np.nanmax(np.abs(rows.select("value", "lower", "upper").fill_null(0.0).to_numpy()))))
        axes.set_xlim(-1.1 * reach, 1.1 * reach)
        axes.set_xlabel("standard deviations of the universe away from its plain mean, with 95% interval")
        axes.set_title("What the held names are more of (right) or less of (left)")
        return png(figure)


def _told(depth: pl.DataFrame, kinds: tuple[str, ...], metric: str) -> pl.DataFrame:
    """Rows of some kinds with a value, in the order of the kinds."""
    rows = depth.filter(pl.col("kind").is_in(kinds), pl.col("metric") == metric, pl.col("value").is_not_null())
    order = pl.col("kind").replace_strict(list(kinds), range(len(kinds)), return_dtype=pl.Int32)
    return rows.sort(order, "place")


def _reach(rows: pl.DataFrame) -> NDArray[np.float64]:
    value, lower, upper = (
        rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy() for name in ("value", "lower", "upper")
    )
    reach: NDArray[np.float64] = np.nan_to_num(np.vstack([value - lower, upper - value]))
    return reach


def _list(axes: Axes, rows: pl.DataFrame, names: list[str], colour: str) -> None:
    """One line a row from top to bottom, with its name, about an upright line at 0."""
    at = np.arange(len(rows), dtype=float)
    _whiskers(axes, rows, at, colour)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.set_yticks(at, names)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")


def _whiskers(axes: Axes, rows: pl.DataFrame, at: NDArray[np.float64], colour: str) -> None:
    axes.errorbar(rows["value"], at, xerr=_reach(rows), fmt="o", color=colour, markersize=4, linewidth=1.2, capsize=2)


def _uprights(axes: Axes, rows: pl.DataFrame, at: NDArray[np.intp]) -> None:
    axes.errorbar(at, rows["value"], yerr=_reach(rows), fmt="o-", color=BLUE, markersize=5, linewidth=1.2, capsize=3)
