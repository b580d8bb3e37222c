"""Realism picture: a real and a synthetic market side by side, as one PNG."""
# T sessions, S securities

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from assets.evaluation.pictures import BLUE, GREY, INK, ORANGE, STYLE
from benchmarks.market_sample import Sample
from benchmarks.moments import Bools, Floats, autocorrelation, deviation, middle
from benchmarks.stylised_facts import FACTOR, Compared

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LAGS = (1, 2, 3, 5, 8, 12, 20, 30, 45, 60)
BINS = 80
REAL, SYNTHETIC = INK, ORANGE
FURTHEST = 20.0
"""Ratio at which the drawing of a fact ends."""


def side_by_side(real: Sample, synthetic: Sequence[Sample], facts: Sequence[Compared]) -> bytes:
    """PNG: returns, volatility autocorrelation, range, VWAP place, limits and prices by year, and every ratio."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context(STYLE), np.errstate(divide="ignore", invalid="ignore"):
        figure = Figure(figsize=(15.0, 10.0), dpi=110)
        halves = figure.subfigures(1, 2, squeeze=False, width_ratios=(2.1, 1))
        grid = halves[0, 0].subplots(3, 2)
        for axes, draw in zip(
            grid.flat, (_returns, _clustering, _ranges, _places, _limits_up, _limits_down), strict=True
        ):
            draw(axes, real, synthetic)
        grid[0, 0].legend(["real", "synthetic, by seed"], loc="lower center")
        _ratios(halves[0, 1].subplots(), facts)
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _returns(axes: Axes, real: Sample, synthetic: Sequence[Sample]) -> None:
    _densities(axes, real, synthetic, lambda one: one.own / deviation(one.own), (-8.0, 8.0))
    axes.set_yscale("log")
    axes.set_title("Own return in standard deviations of the security (density)")


def _clustering(axes: Axes, real: Sample, synthetic: Sequence[Sample]) -> None:
    for one, colour in _coloured(real, synthetic):
        own = [middle(autocorrelation(np.abs(one.own), lag)) for lag in LAGS]
        market = [float(autocorrelation(np.abs(one.market)[:, None], lag)[0]) for lag in LAGS]
        axes.plot(LAGS, own, color=colour)
        axes.plot(LAGS, market, color=colour, linestyle="--")
    axes.set_xscale("log")
    axes.set_title("Autocorrelation of |return| by lag: own (line), market (dashed)")


def _ranges(axes: Axes, real: Sample, synthetic: Sequence[Sample]) -> None:
    _densities(axes, real, synthetic, lambda one: np.log(one.prices["high"] / one.prices["low"]), (0.0, 0.2))
    axes.set_title("Log of high over low (density)")


def _places(axes: Axes, real: Sample, synthetic: Sequence[Sample]) -> None:
    def place(one: Sample) -> Floats:
        low, high = one.prices["low"], one.prices["high"]
        return np.asarray((one.prices["vwap"] - low) / (high - low))

    _densities(axes, real, synthetic, place, (0.0, 1.0))
    axes.set_title("Place of the VWAP between low (0) and high (1) (density)")


def _limits_up(axes: Axes, real: Sample, synthetic: Sequence[Sample]) -> None:
    _by_year(axes, real, synthetic, lambda one: one.closes_up)
    axes.set_title("Closes at the upper limit, % of rows by year")


def _limits_down(axes: Axes, real: Sample, synthetic: Sequence[Sample]) -> None:
    _by_year(axes, real, synthetic, lambda one: one.closes_down)
    axes.set_title("Closes at the lower limit, % of rows by year")


def _ratios(axes: Axes, facts: Sequence[Compared]) -> None:
    """Ratio of every fact on a log scale, the band of a factor of 2 shaded; a wrong sign stands at the left edge."""
    shown = [fact.ratio if fact.ratio > 0 else 1 / FURTHEST for fact in facts]
    places = np.arange(len(facts))[::-1]
    axes.axvspan(1 / FACTOR, FACTOR, color=GREY, alpha=0.25, linewidth=0)
    axes.axvline(1.0, color=INK, linewidth=0.8)
    colours = [BLUE if fact.inside else ORANGE for fact in facts]
    axes.scatter(np.clip(shown, 1 / FURTHEST, FURTHEST), places, c=colours, s=18)
    axes.set_yticks(places, [fact.name for fact in facts], fontsize=7)
    axes.set_xscale("log")
    axes.set_xlim(0.9 / FURTHEST, 1.1 * FURTHEST)
    axes.set_ylim(-1, len(facts))
    axes.set_title("Synthetic / real; shaded: factor 2")


def _coloured(real: Sample, synthetic: Sequence[Sample]) -> list[tuple[Sample, str]]:
    return [(real, REAL), *((one, SYNTHETIC) for one in synthetic)]


def _densities(
    axes: Axes, real: Sample, synthetic: Sequence[Sample], values: Callable[[Sample], Floats], span: tuple[float, float]
) -> None:
    for one, colour in _coloured(real, synthetic):
        cells = values(one)
        density, edges = np.histogram(cells[~np.isnan(cells)], BINS, span, density=True)
        axes.plot((edges[1:] + edges[:-1]) / 2, np.where(density > 0, density, np.nan), color=colour, linewidth=1.2)


def _by_year(axes: Axes, real: Sample, synthetic: Sequence[Sample], events: Callable[[Sample], Bools]) -> None:
    for one, colour in _coloured(real, synthetic):
        years = np.unique(one.year_T)
        shares = [100 * events(one)[one.year_T == year].sum() / one.counted[one.year_T == year].sum() for year in years]
        axes.plot(years, shares, color=colour, marker="o", markersize=4)
