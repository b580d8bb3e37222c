"""Depth section: the parts of a report that are told from the table `Depth`, with their pictures and plain words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from assets.evaluation import depth_pictures as drawing
from assets.evaluation.confidence_pictures import reliability_diagram, risk_coverage, stated_beside_error
from assets.evaluation.page import pictured, section, table, words
from assets.evaluation.report_numbers import bounded_text, shown

CAPTIONS = {
    "rank_ic_of_slices": "RankIC by year, market, board and size",
    "what_age_leaves": "RankIC by age of the forecast, and how fast the order changes",
    "what_styles_leave": "RankIC before and after taking styles out",
    "styles_held": "Styles that the held names lean on",
    "reliability": "How often it rose by the stated probability",
    "risk_by_coverage": "Mean loss by the share of names that is kept",
    "stated_noise": "Error that came by the noise that was stated",
}
WHERE = (
    "Each line is a part of the test: sessions of a year or of a calm or wild market, or names of a board, a third of "
    "size, an industry, ranked among themselves. All of it was known at the decision. Many lines are looked at here, "
    "so a few of them lie off 0 by luck."
)
TOP = (
    "Only the head of the list is bought. Its gain is the tenth of the returns in which a name lies, 0 to 9; NDCG sums "
    "it with the first places counting most, as a share of the best possible list. Precision is the share of the first "
    "names that lie in the best tenth. A list in random order has the level beside it."
)
SIDES = (
    "Names can be bought, but hardly sold short: what the worst tenth loses helps a buyer only by leaving it out. A "
    "name is called to rise if its forecast is above the mean forecast, and is a hit if it earned more than the mean "
    "return; the base rate is how many names did so anyway."
)
AGE = (
    "A forecast that stays good for days can be traded slowly and cheaply; one whose order is new every day must be "
    "earned at the cost of trading it."
)
LEFT = (
    "A forecast may only say in other words: buy what is small, or what has fallen. Here each of these is taken out of "
    "it, session by session, and what is left is ranked again. The table tells what each style does by itself, and how "
    "far the forecast goes along with it."
)
YARDSTICKS = (
    "The portfolio after costs beside each yardstick before costs. An index of a source may leave dividends out, which "
    "makes it easier to beat; all_bars is an index of all names by what of them can be traded, with dividends."
)
HELD = "The held names, by value, beside the plain mean of all that were forecast."
SURE = (
    "The model states how likely a rise is, or how far the return may lie off its forecast. Below: whether that came "
    "true, what it adds to stating the base rate of validation, and whether acting only where the stated doubt is "
    "small loses less than acting on as many names drawn at random. The gate's limit was set on validation."
)
METRICS = {
    "brier": "Brier score",
    "brier_of_base_rate": "Brier score of the base rate",
    "brier_below_base_rate": "Brier score below that of the base rate",
    "reliability": "of it: off what happened (reliability)",
    "resolution": "of it: told apart (resolution)",
    "uncertainty": "of it: the outcome itself (uncertainty)",
    "calibration_error": "calibration error (ECE)",
    "accuracy": "right side of one half",
    "accuracy_of_base_rate": "the same by the base rate",
    "aurc": "area under risk by coverage",
    "aurc_at_random": "the same in random order",
    "aurc_at_best": "the same in the best order",
    "aurc_below_random": "area below random order",
    "passed_on_test": "passed on the test",
    "loss_below_random": "loss below a gate at random",
    "refused_on_validation": "refused: lets nearly all or nearly none pass on validation",
}


def drawn(depth: pl.DataFrame) -> dict[str, bytes]:
    """Name -> picture, for every part that has something to show."""
    makers: dict[str, tuple[str, Callable[[pl.DataFrame], bytes]]] = {
        "rank_ic_of_slices": ("all", drawing.rank_ic_of_slices),
        "what_age_leaves": ("age", drawing.what_age_leaves),
        "what_styles_leave": ("taken out", drawing.what_styles_leave),
        "styles_held": ("held", drawing.styles_held),
        "reliability": ("reliability", _reliability),
        "risk_by_coverage": ("coverage", _coverage),
        "stated_noise": ("noise", _noise),
    }
    known = set(depth.filter(pl.col("value").is_not_null())["kind"])
    return {name: make(depth) for name, (kind, make) in makers.items() if kind in known}


def told(depth: pl.DataFrame, pictures: Mapping[str, bytes]) -> list[str]:
    """Sections on what the forecasts tell: where, at the top, on each side, how long, without styles."""
    return [
        _section(
            "Where it holds",
            WHERE,
            pictured("rank_ic_of_slices", pictures, CAPTIONS),
            _parts(depth, "industry", _OF_NAMES),
        ),
        _section("The names that are bought", TOP, _parts(depth, "top", _ABOVE_CHANCE)),
        _section("Rises and falls apart", SIDES, _parts(depth, "side", _OF_SIDES)),
        _section("How long it lasts", AGE, pictured("what_age_leaves", pictures, CAPTIONS)),
        _section(
            "Is it only a known style?",
            LEFT,
            pictured("what_styles_leave", pictures, CAPTIONS),
            _parts(
                depth, "style", {"rank_ic": "RankIC of the style alone", "correlation": "correlation with the forecast"}
            ),
        ),
    ]


def earned(depth: pl.DataFrame, pictures: Mapping[str, bytes]) -> list[str]:
    """Parts on the portfolio: beside its yardsticks, and the styles that it leans on."""
    held = pictured("styles_held", pictures, CAPTIONS)
    beside = _parts(depth, "beside", _YARDSTICKS)
    return [words(YARDSTICKS) + beside if beside else "", words(HELD) + held if held else ""]


def sure(depth: pl.DataFrame, pictures: Mapping[str, bytes]) -> str:
    """The section on what the model states of its own doubt; empty where it states nothing."""
    rows = depth.filter(pl.col("kind").is_in(["probability", "gate"]), pl.col("metric").is_in(list(METRICS)))
    named = pl.when(pl.col("kind") == "gate").then(pl.format("{}: ", "part")).otherwise(pl.lit(""))
    lines = [
        (f"{of}{METRICS[metric]}", bounded_text(value, lower, upper, unit))
        for of, metric, value, lower, upper, unit in rows.select(
            named.alias("of"), "metric", "value", "lower", "upper", "unit"
        ).iter_rows()
    ]
    figures = table(pl.DataFrame(lines, schema=["figure", "value"], orient="row"), ("value",)) if lines else ""
    parts = [pictured(name, pictures, CAPTIONS) for name in ("reliability", "stated_noise", "risk_by_coverage")]
    return _section("How sure the model is, and whether it may be", SURE, *parts, figures)


def every(depth: pl.DataFrame) -> str:
    """All lines of the table, folded away."""
    if depth.is_empty():
        return ""
    lines = [
        (kind, part, metric, *(shown(number, unit) for number in numbers), unit, sessions, f"{names:,.0f}")
        for kind, part, metric, *numbers, unit, sessions, names in depth.sort("place")
        .select("kind", "part", "metric", "value", "lower", "upper", "unit", "sessions", "names")
        .iter_rows()
    ]
    columns = ["kind", "part", "metric", "value", "lower", "upper", "unit", "sessions", "names"]
    numbers = ("value", "lower", "upper", "sessions", "names")
    inside = table(pl.DataFrame(lines, schema=columns, orient="row"), numbers)
    return f"<details><summary>{len(lines)} figures by part</summary>{inside}</details>"


_OF_NAMES = {"rank_ic": "RankIC", "ic": "IC"}
_ABOVE_CHANCE = {
    "ndcg": "NDCG",
    "ndcg_by_chance": "by chance",
    "ndcg_above_chance": "NDCG above chance",
    "precision": "precision",
    "precision_by_chance": "by chance ",
    "precision_above_chance": "precision above chance",
}
_LEVELS = ("ndcg", "ndcg_by_chance", "precision", "precision_by_chance", "hit_rate", "base_rate")
"""Metrics that are shown without bounds: those of what lies above chance tell how sure it is."""
_OF_SIDES = {
    "excess_return": "return above the mean of all",
    "hit_rate": "hits",
    "base_rate": "base rate",
    "hit_rate_above_base": "hits above the base rate",
}
_YARDSTICKS = {
    "return_annual": "its return a year",
    "excess_return_annual": "excess a year",
    "tracking_error_annual": "tracking error",
    "information_ratio": "information ratio",
    "deepest_fall": "deepest fall of the excess",
}


def _parts(depth: pl.DataFrame, kind: str, metrics: Mapping[str, str]) -> str:
    """A table with a line for each part of a kind and a column for each metric that some part has."""
    rows = depth.filter(pl.col("kind") == kind, pl.col("metric").is_in(list(metrics)), pl.col("value").is_not_null())
    if rows.is_empty():
        return ""
    there = [metric for metric in metrics if metric in set(rows["metric"])]
    cells = {
        (part, metric): shown(value, unit) if metric in _LEVELS else bounded_text(value, lower, upper, unit)
        for part, metric, value, lower, upper, unit in rows.select(
            "part", "metric", "value", "lower", "upper", "unit"
        ).iter_rows()
    }
    parts = rows.sort("place")["part"].unique(maintain_order=True)
    lines = [(part, *(cells.get((part, metric), "") for metric in there)) for part in parts]
    columns = [kind if kind != "beside" else "yardstick", *(metrics[metric] for metric in there)]
    return table(pl.DataFrame(lines, schema=columns, orient="row"), tuple(columns[1:]))


def _section(title: str, text: str, *parts: str) -> str:
    return section(title, words(text), *parts) if any(parts) else ""


def _reliability(depth: pl.DataFrame) -> bytes:
    rows = depth.filter(pl.col("kind") == "reliability").sort("place")
    said = rows.filter(pl.col("metric") == "stated").select("part", stated="value")
    came = rows.filter(pl.col("metric") == "happened").select("part", "lower", "upper", happened="value", cases="names")
    return reliability_diagram(said.join(came, on="part", maintain_order="left"))


def _coverage(depth: pl.DataFrame) -> bytes:
    rows = depth.filter(pl.col("kind") == "coverage").sort("place")
    named = rows.with_columns(pl.col("part").str.split("kept, least ").list.last())
    curves: dict[str, Sequence[float]] = {
        str(name): part["value"].to_list() for (name,), part in named.group_by("part", maintain_order=True)
    }
    return risk_coverage(
        {name: np.array(values) for name, values in curves.items()}, _LOSSES[rows["unit"].to_list()[0]]
    )


def _noise(depth: pl.DataFrame) -> bytes:
    rows = depth.filter(pl.col("kind") == "noise").sort("place")
    both = [rows.filter(pl.col("metric") == metric)["value"].alias(metric) for metric in ("stated", "error")]
    return stated_beside_error(pl.DataFrame(both), "noise of the return")


_LOSSES = {"squared probability": "mean Brier loss", "simple return": "mean absolute error of the forecast"}
