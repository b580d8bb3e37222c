"""Pictures of a report, one function each: small tables in, PNG bytes out.

Colours are Okabe and Ito's, which readers with colour-blindness tell apart; equal input gives equal bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

BLUE, ORANGE, GREEN, RED, SKY, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#9AA0A6"
INK, RULE = "#2B2F36", "#E3E6EA"
SEGMENT_COLOURS = {"train": SKY, "purge": INK, "valid": ORANGE, "test": BLUE}
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": RULE,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


def cumulative_rank_ic(days: pl.DataFrame) -> bytes:
    """Running sum of the daily RankIC, and its mean over 60 sessions. Columns session, rank_ic."""
    values = days["rank_ic"].fill_null(0.0)
    with canvas(3.6, rows=2, ratios=(2, 1)) as (figure, (above, below)):
        above.plot(days["session"], values.cum_sum(), color=BLUE, linewidth=1.6)
        above.set_title("Cumulative RankIC: a steady slope is a steady forecast")
        below.plot(days["session"], days["rank_ic"].rolling_mean(60, min_samples=20), color=BLUE, linewidth=1.2)
        below.axhline(0, color=INK, linewidth=0.8)
        below.set_title("Mean RankIC of the last 60 sessions")
        return png(figure)


def rank_ic_by_fold(folds: pl.DataFrame, by_seed: pl.DataFrame) -> bytes:
    """Mean RankIC of each fold with its interval, and each seed alone as a dot.

    folds    fold, mean, lower, upper (NaN where there is none)
    by_seed  rows of `information.SeedInformation` of one segment
    """
    names = folds["fold"].to_list()
    with canvas(3.0) as (figure, (axes,)):
        mean, lower, upper = (folds[name].fill_null(np.nan).to_numpy() for name in ("mean", "lower", "upper"))
        reach = np.nan_to_num(np.vstack([mean - lower, upper - mean]))
        places = np.arange(len(names))
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.errorbar(
            places, mean, yerr=reach, fmt="o", color=BLUE, markersize=6, linewidth=1.6, capsize=4, label="seed average"
        )
        known = by_seed.filter(pl.col("fold").is_in(names) & pl.col("rank_ic").is_not_null())
        dots = [names.index(fold) for fold in known["fold"]]
        axes.scatter(np.array(dots) + 0.16, known["rank_ic"], s=14, color=ORANGE, label="each seed alone", zorder=3)
        axes.set_xticks(places, names, rotation=0 if len(names) <= 8 else 45)
        axes.set_xlim(-0.6, len(names) - 0.4)
        axes.set_title("RankIC by fold with 95% interval", pad=22)
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 0.985), borderaxespad=0)
        return png(figure)


def decile_bars(deciles: pl.DataFrame, horizon: int) -> bytes:
    """Mean excess return of each tenth of the names. Columns decile, mean, lower, upper as simple returns."""
    with canvas(2.8) as (figure, (axes,)):
        mean, lower, upper = (deciles[name].to_numpy() * 100 for name in ("mean", "lower", "upper"))
        reach = np.nan_to_num(np.vstack([mean - lower, upper - mean]))
        colours = [BLUE if value >= 0 else ORANGE for value in mean]
        axes.bar(deciles["decile"], mean, yerr=reach, color=colours, width=0.7, ecolor=INK, capsize=3)
        axes.axhline(0, color=INK, linewidth=0.8)
        axes.set_xticks(range(1, 11))
        axes.grid(visible=False, axis="x")
        axes.set_xlabel("tenth of the names, 10 holds the highest forecasts")
        axes.set_ylabel("percent")
        axes.set_title(f"Return of each tenth over {horizon} sessions, less the mean of all")
        return png(figure)


@contextmanager
def canvas(height: float, rows: int = 1, ratios: tuple[float, ...] = (1,)) -> Iterator[tuple[Canvas, tuple[Axes, ...]]]:
    """A figure of the report's width, without global state, and its axes from top to bottom."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.0, height), dpi=144)
        axes = figure.subplots(rows, 1, squeeze=False, sharex=rows > 1, height_ratios=ratios)
        yield figure, tuple(axes[:, 0])


def png(figure: Canvas) -> bytes:
    """The figure as PNG, of the same bytes for the same drawing."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()
