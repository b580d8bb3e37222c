"""Pictures of confidence: what was stated beside what came, so that one sees whether it may be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.evaluation.pictures import BLUE, GREEN, GREY, INK, ORANGE, canvas, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def reliability_diagram(bins: pl.DataFrame) -> bytes:
    """How often it rose by what was stated, with the cases of each bin; rows of `probability.reliability`."""
    with canvas(4.4, rows=2, ratios=(3, 1)) as (figure, (above, below)):
        reached = [bins["happened"] - bins["lower"], bins["upper"] - bins["happened"]]
        above.errorbar(bins["stated"], bins["happened"], yerr=reached, fmt="o", color=BLUE, capsize=2, markersize=4)
        _identity(above, bins["stated"])
        above.set_ylabel("it rose")
        above.set_title("On the line the stated probability is how often it rose")
        width = max(float(np.ptp(bins["stated"].to_numpy())) / (2 * len(bins)), 1e-4)
        below.bar(bins["stated"], bins["cases"], width=width, color=GREY)
        below.set_ylabel("cases")
        below.set_xlabel("stated probability of a rise, mean of the bin; whiskers hold 95% if cases were independent")
        return png(figure)


def stated_beside_error(deciles: pl.DataFrame, what: str) -> bytes:
    """What was stated of ten tenths of the cases beside the error that came. Columns decile, stated, error.

    what  names what is stated, in words
    """
    with canvas(3.6) as (figure, (axes,)):
        axes.plot(deciles["stated"], deciles["error"], "o-", color=BLUE, markersize=4, linewidth=1)
        _identity(axes, deciles["stated"])
        axes.set_xlabel(f"stated {what}, root mean square of a tenth of the cases")
        axes.set_ylabel("error that came")
        axes.set_title("Rising and on the line: what is stated is what comes")
        return png(figure)


def risk_coverage(curves: Mapping[str, NDArray[np.float64]], loss: str = "mean Brier loss") -> bytes:
    """Mean loss of what is kept of each session, least doubt first, by order of doubt; flat is no better than chance.

    curves  name -> `confidence.risk_by_share`; all end at the loss of all cases
    loss    names what is lost, in words
    """
    with canvas(3.6) as (figure, (axes,)):
        for (name, risk), colour in zip(curves.items(), (BLUE, ORANGE, GREEN), strict=False):
            shares = np.arange(1, len(risk) + 1) / len(risk)
            axes.plot(shares, risk, color=colour, linewidth=1.4, label=name)
        axes.axhline(next(iter(curves.values()))[-1], color=INK, linewidth=0.8, linestyle="--", label="at random")
        axes.set_xlabel("share of the names of each session that are kept")
        axes.set_ylabel(loss)
        axes.set_title("Risk by coverage: below the dashed line doubt falls on what goes wrong")
        axes.legend()
        return png(figure)


def _identity(axes: Axes, stated: pl.Series) -> None:
    ends = (float(str(stated.min())), float(str(stated.max())))
    axes.plot(ends, ends, color=INK, linewidth=0.8, linestyle="--")
