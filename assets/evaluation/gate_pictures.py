"""Gate pictures: what the gate looked at and what it found, one function each; small tables in, PNG bytes out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from assets.evaluation.pictures import BLUE, GREY, INK, RED, RULE, SEGMENT_COLOURS, SKY, STYLE, png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH = 8.0
NEAR = 7
"""Sessions that are shown one by one on either side of what is purged."""
DATES_NAMED = 12
SLANTED: Any = {"rotation": 45, "ha": "right", "rotation_mode": "anchor"}


def fold_timeline(windows: pl.DataFrame) -> bytes:
    """One line per fold with its windows to scale, and beside it the sessions at its two boundaries one by one.

    windows  fold, segment (train, purge, valid, test), first, last, sessions, in time order within a fold
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    folds = windows["fold"].unique().sort(descending=True).to_list()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.25 + 0.28 * len(folds)), dpi=144)
        whole, first, second = figure.subplots(1, 3, sharey=True, width_ratios=(5, 2, 2))
        _to_scale(whole, windows, folds)
        whole.set_yticks(range(len(folds)), folds)
        for axes, boundary in ((first, ("train", "valid")), (second, ("valid", "test"))):
            _one_by_one(axes, windows, folds, boundary)
            axes.set_title(f"{boundary[0]} | {boundary[1]}", fontsize=9)
        whole.set_title("Windows of each fold; purged sessions train and choose nothing", pad=22)
        whole.legend(ncols=4, loc="lower left", bbox_to_anchor=(-0.01, 0.985), borderaxespad=0, handlelength=1.2)
        return png(figure)


def _to_scale(axes: Axes, windows: pl.DataFrame, folds: Sequence[str]) -> None:
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

    for segment, colour in SEGMENT_COLOURS.items():
        bars = windows.filter(pl.col("segment") == segment)
        left, right = (bars[end].to_physical().to_numpy() for end in ("first", "last"))  # days since 1970
        places = [folds.index(fold) for fold in bars["fold"]]
        axes.barh(places, right - left + 1, left=left, height=0.62, color=colour, label=segment)
    axes.grid(visible=False, axis="y")
    places_of_dates = AutoDateLocator(minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(places_of_dates)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(places_of_dates))  # type: ignore[no-untyped-call]


def _one_by_one(axes: Axes, windows: pl.DataFrame, folds: Sequence[str], boundary: tuple[str, str]) -> None:
    """A cell for each session around a boundary; 0 is the first session behind it."""
    before, after = boundary
    for place, fold in enumerate(folds):
        of = dict(
            windows.filter(pl.col("fold") == fold, pl.col("segment") != "purge").select("segment", "first").rows()
        )
        if before not in of or after not in of:
            continue
        dark = windows.filter(fold=fold, segment="purge").filter(pl.col("first").is_between(of[before], of[after]))
        purged = int(dark["sessions"].sum())
        stretches = ((before, -purged - NEAR, NEAR), ("purge", -purged, purged), (after, 0, NEAR))
        for segment, start, count in stretches:
            cells = range(start, start + count)
            axes.barh([place] * count, 0.8, left=cells, height=0.62, color=SEGMENT_COLOURS[segment], align="center")
    axes.axvline(-0.1, color=INK, linewidth=0.8)
    axes.grid(visible=False)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("sessions, one by one", fontsize=7)
    axes.spines["left"].set_visible(False)


def evidence_by_asset(evidence: pl.DataFrame) -> bytes:
    """A map of tables and decisions: where the past was compared, and where it changed when the future was rewritten.

    evidence  rows of FUTURE_PERTURBATION; a table need not be tried at every decision
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    tables = evidence["table"].unique(maintain_order=True).to_list()[::-1]
    decisions = evidence["decided_at"].unique().sort().to_list()
    failed = (~pl.col("passed").fill_null(value=False)).sum().alias("failed")
    cells = evidence.group_by("table", "decided_at", maintain_order=True).agg(failed)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.5 + 0.21 * len(tables)), dpi=144)
        tried, words = figure.subplots(1, 2, sharey=True, width_ratios=(5, 3))
        for (table,), row in cells.group_by("table"):
            places = [decisions.index(decided_at) for decided_at in row["decided_at"]]
            _cells(tried, tables.index(table), places, row["failed"].to_list())
        _dated(tried, decisions)
        tried.set_yticks(range(len(tables)), tables, fontsize=8)
        tried.set_ylim(-0.6, len(tables) + 0.3)
        words.set_axis_off()
        words.set_xlim(0, 1)
        _worded(words, evidence, tables)
        count = cells.filter(pl.col("failed") > 0)["table"].n_unique()
        told = f"{count} did not keep their past" if count else "all kept their past"
        tried.set_title(f"The future rewritten after {len(decisions)} decisions: of {len(tables)} tables {told}", x=0)
        return png(figure)


def _cells(axes: Axes, y: int, places: Sequence[int], harmed: Sequence[int]) -> None:
    """One table after some decisions; a red cell tells in how many columns its past changed."""
    spans = [(x - 0.43, 0.86) for x in places]
    axes.broken_barh(spans, (y - 0.37, 0.74), facecolors=[RED if count else SKY for count in harmed])
    for x, count in zip(places, harmed, strict=True):
        if count:
            axes.annotate(str(count), (x, y), ha="center", va="center", fontsize=7, color="white", weight="bold")


def _dated(axes: Axes, decisions: Sequence[datetime]) -> None:
    every = -(-len(decisions) // DATES_NAMED)
    names = [f"{decision:%Y-%m-%d}" for decision in decisions[::every]]
    axes.set_xticks(range(0, len(decisions), every), names, fontsize=7, **SLANTED)
    axes.set_xlim(-0.6, len(decisions) - 0.4)
    axes.grid(visible=False)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.tick_params(length=0)


def _worded(axes: Axes, evidence: pl.DataFrame, tables: Sequence[str]) -> None:
    """Of each table: its columns, the rows compared over all decisions, and the worst change with its column."""
    places = ((0.16, "right"), (0.5, "right"), (0.56, "left"))
    lines = [(len(tables) - 0.25, GREY, ("columns", "rows compared", "worst change"))]
    for (table,), rows in evidence.group_by("table"):
        columns = rows.filter(~pl.col("column").str.starts_with("("))["column"].n_unique()
        compared = rows.group_by("decided_at").agg(pl.col("rows_compared").max())["rows_compared"].sum()
        harmed = rows.filter(~pl.col("passed").fill_null(value=False))
        colour = RED if harmed.height else INK
        lines.append((tables.index(str(table)), colour, (f"{columns}", f"{compared:,}", _worst(harmed))))
    for y, colour, texts in lines:
        for (x, side), text in zip(places, texts, strict=True):
            axes.annotate(text, (x, y), ha=side, va="center", fontsize=7, color=colour, annotation_clip=False)


def _worst(harmed: pl.DataFrame) -> str:
    if not harmed.height:
        return "0"
    row = harmed.sort("worst_difference", descending=True, nulls_last=True).row(0, named=True)
    size = "rows come or go" if row["worst_difference"] is None else f"{row['worst_difference']:.3g}"
    return f"{size} in {row['column']}"


def caught_by(zoo: pl.DataFrame) -> bytes:
    """A map of planted leaks and checks: which check caught which leak, and which leak nothing caught.

    zoo  leak (its number), name, stage, check, caught: one row for each leak and check that it was tried on
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    known = zoo.select("stage", "check").drop_nulls().unique(maintain_order=True)
    checks = known.sort("stage", maintain_order=True).rows()
    leaks = zoo.group_by("leak").agg(pl.col("name").first(), pl.col("caught").any()).sort("leak", descending=True)
    numbers = leaks["leak"].to_list()
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(WIDTH, 1.9 + 0.2 * leaks.height), dpi=144)
        axes = figure.subplots()
        for caught, colour, mark, told in ((True, BLUE, "o", "caught"), (False, GREY, "x", "tried, not caught")):
            part = zoo.filter(pl.col("caught") == caught, pl.col("check").is_not_null())
            x = [checks.index((stage, check)) for stage, check in part.select("stage", "check").rows()]
            y = [numbers.index(leak) for leak in part["leak"]]
            axes.scatter(x, y, color=colour, marker=mark, s=34 if caught else 18, label=told, zorder=3)
        labels = [f"{number}  {name}" for number, name in leaks.select("leak", "name").rows()]
        axes.set_yticks(range(leaks.height), labels, fontsize=7)
        for label, caught in zip(axes.get_yticklabels(), leaks["caught"], strict=True):
            label.set_color(INK if caught else RED)
        axes.set_xticks(
            range(len(checks)),
            [f"{stage}: {check.replace('_', ' ')}" for stage, check in checks],
            fontsize=7,
            **SLANTED,
        )
        axes.grid(color=RULE)
        axes.set_ylim(-0.7, leaks.height - 0.3)
        axes.set_xlim(-0.6, len(checks) - 0.4)
        count = int(leaks["caught"].sum())
        axes.set_title(f"{count} of {leaks.height} planted leaks are caught; a red name slipped through", pad=22, x=0)
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 1.0), borderaxespad=0)
        return png(figure)
