"""Caught: which checks stopped which leak when the whole zoo was last judged, and a picture of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from assets.evaluation.pictures import BLUE, GREY, RED, RULE, STYLE, png
from pipelines.gate.stages import STAGES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RECORD = Path(__file__).with_suffix(".csv")
COLUMNS = {
    "number": pl.Int64,
    "leak": pl.String,
    "stage": pl.String,
    "caught": pl.Boolean,
    "check": pl.String,
    "commit": pl.String,
}
"""A row for each leak and check that stopped a variant of it; `check` is `verdict: evidence`, null where none did.

A leak is caught when every variant was stopped and no twin was."""
RIVER = ("cleaning", "features", "targets", "folds", "training", "selection")
"""Stages at which a leak enters, in the order of the pipeline."""
WIDTH = 8.0


def read_record(record: Path = RECORD) -> pl.DataFrame:
    """Rows as COLUMNS."""
    return pl.read_csv(record, schema=COLUMNS)


def picture(caught: pl.DataFrame) -> bytes:
    """A map of leaks, in the order in which they enter, and of the checks that stopped them; PNG.

    caught  rows as COLUMNS
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    order = pl.col("stage").replace_strict(RIVER, range(len(RIVER)), default=len(RIVER))
    leaks = caught.unique("number").sort(order, "number")
    asked = [f"{stage}: {name}" for stage, names in STAGES.items() for name in names]
    found = set(caught["check"].drop_nulls())
    checks = [check for check in asked if check in found] + sorted(found - set(asked))
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 2.4 + 0.19 * len(leaks)), dpi=144)
        axes = figure.subplots()
        _cells(axes, caught, leaks["number"].to_list(), checks)
        axes.set_yticks(range(len(leaks)), [f"{number}  {leak}" for number, leak in leaks["number", "leak"].rows()])
        axes.set_xticks(range(len(checks)), checks, rotation=45, ha="right", rotation_mode="anchor")
        axes.tick_params(labelsize=7, length=0)
        axes.set_xlim(-0.6, len(checks) - 0.4)
        axes.set_ylim(len(leaks) - 0.4, -0.6)
        _stages(axes, leaks["stage"].to_list(), len(checks))
        words = f"{leaks['caught'].sum()} of {len(leaks)} kinds of leak are caught, at {leaks['commit'][0]}"
        figure.suptitle(f"{words}: where each enters, and which checks stop it", x=0.01, ha="left", fontsize=10)
        return png(figure)


def _cells(axes: Axes, caught: pl.DataFrame, leaks: list[int], checks: list[str]) -> None:
    """A cell for each check that stopped a leak, red where the leak was not caught for all that."""
    for number, is_caught, check in caught.select("number", "caught", "check").rows():
        y, colour = leaks.index(number), BLUE if is_caught else RED
        if check is None:
            axes.text(0, y, "escaped", color=colour, weight="bold", fontsize=8, va="center")
        else:
            axes.barh(y, 0.8, left=checks.index(check) - 0.4, height=0.74, color=colour)


def _stages(axes: Axes, stages: list[str], width: int) -> None:
    """The stage at which leaks enter, beside the first of them, and a line before it."""
    axes.grid(visible=False)
    for y, stage in enumerate(stages):
        if y == 0 or stages[y - 1] != stage:
            axes.axhline(y - 0.5, color=RULE, linewidth=0.8)
            axes.text(width - 0.2, y, stage, color=GREY, fontsize=8, va="center")
