"""Watch page: what is seen of the champions lately, as one HTML file."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from assets.evaluation.information import daily
from assets.evaluation.page import image, page, section, table, words
from assets.evaluation.pictures import BLUE, INK, ORANGE, canvas, png
from assets.serving.watching import MOVED, RECENT

HOW = (
    "Each champion beside what was to be expected of it when it was chosen. An alarm is a reason to look and no "
    "verdict: some measures alarm by chance, and inputs that look far back move together for weeks."
)
SHOWN = 12
SMOOTHED = 20


def render_watch(watch: pl.DataFrame, information: Mapping[int, pl.DataFrame]) -> dict[str, bytes]:
    """File name -> content: the pictures as PNG, and `watch.html`.

    watch        rows of `Watch`
    information  by horizon, rows of `Information` of its champion
    """
    files, blocks = {}, []
    for (horizon, experiment), rows in watch.group_by("horizon", "experiment", maintain_order=True):
        faded = f"realised_rank_ic_{horizon}.png"
        moved = f"inputs_{horizon}.png"
        files[faded] = fading(information[int(str(horizon))])
        files[moved] = largest(rows)
        alarms = rows.filter("is_alarm")["measure"].to_list()
        blocks.append(
            section(
                f"{experiment}, {horizon} sessions",
                words(f"Alarms: {', '.join(alarms) or 'none'}."),
                image(files[faded], "RankIC session by session, smoothed, beside what validation had shown"),
                image(files[moved], "The inputs whose distribution moved most"),
                table(_figures(rows), ("value", "lower", "upper", "expected")),
            )
        )
    head = "<header><p class=kicker>Watch</p><h1>Do the champions still do what they were chosen for?</h1></header>"
    none = [] if blocks else [words("No champion is seated yet.")]
    return {**files, "watch.html": page("Watch", [head, words(HOW), *blocks, *none]).encode()}


def fading(information: pl.DataFrame) -> bytes:
    """RankIC of the test, smoothed, with its mean on validation and the sessions that are looked at."""
    test = daily(information, "test").filter(pl.col("rank_ic").is_not_null())
    smooth = test["rank_ic"].rolling_mean(SMOOTHED, min_samples=SMOOTHED // 2)
    with canvas(2.8) as (figure, (axes,)):
        axes.axhline(0, color=INK, linewidth=0.8)
        expected = daily(information, "valid").select(pl.col("rank_ic").mean()).item()
        axes.axhline(expected, color=ORANGE, linewidth=1.4, linestyle="--", label="mean on validation")
        axes.plot(test["session"], smooth, color=BLUE, linewidth=1.4, label=f"mean of {SMOOTHED} sessions")
        if len(test):
            axes.axvspan(test["session"].tail(RECENT)[0], test["session"][-1], color=BLUE, alpha=0.08)
        axes.set_title("RankIC on the test; shaded: what is judged", pad=22)
        axes.legend(ncols=2, loc="lower left", bbox_to_anchor=(-0.01, 0.985), borderaxespad=0)
        return png(figure)


def largest(watch: pl.DataFrame) -> bytes:
    """The inputs that moved most, with the bound above which one alarms."""
    inputs = watch.filter(pl.col("measure").str.starts_with("input ")).sort("value", descending=True).head(SHOWN)
    names = [name.removeprefix("input ") for name in inputs["measure"]][::-1]
    values = inputs["value"].to_list()[::-1]
    with canvas(0.9 + 0.28 * len(names)) as (figure, (axes,)):
        axes.barh(names, values, color=[ORANGE if value > MOVED else BLUE for value in values], height=0.6)
        axes.axvline(MOVED, color=INK, linewidth=0.8, linestyle="--")
        axes.grid(visible=False, axis="y")
        axes.set_title(f"How far inputs moved from what was learned on (alarm above {MOVED})")
        return png(figure)


def _figures(watch: pl.DataFrame) -> pl.DataFrame:
    own = ~pl.col("measure").str.starts_with("input ") | pl.col("is_alarm")
    numbers = pl.col("value", "lower", "upper", "expected").round(4)
    alarm = pl.when("is_alarm").then(pl.lit("yes")).otherwise(pl.lit("no")).alias("alarm")
    return watch.filter(own).select("measure", numbers, alarm, "definition")
