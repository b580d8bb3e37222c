"""Plain words: what a report says to who reads nothing else, and what it does not show."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import polars as pl

from assets.evaluation.active_return import UNIVERSE

EMBEDDED = "synthetic_market"
WORDS = {
    "RankIC": "how well the order of the forecasts agrees with the order of what came, session by session: 1 is the "
    "same order, 0 is none, -1 the reverse. In daily returns of shares .03 to .06 is much",
    "IC": "the same with the values themselves in place of their order",
    "ICIR": "mean of the daily RankIC over its standard deviation: how steady it is",
    "Interval": "the range in brackets; of a hundred such ranges about 95 hold the true value. If it holds 0, the "
    "figure is not told apart from luck",
    "Purge": "sessions left out between train, validation and test, as their labels reach into the next window",
    "Seed": "the start from which a model is trained; forecasts are averaged over several, and nobody picks one",
}
WORDS_OF_TRADING = {
    "Excess return": "what is earned above a yardstick, here after all costs",
    "Tracking error": "how far the portfolio strays from the yardstick in a year, as a standard deviation",
    "Information ratio": "excess return over tracking error",
}
WORDS_OF_DOUBT = {
    "Brier score": "mean square of the stated probability less what came (0 or 1): smaller is better",
    "Risk by coverage": "mean loss of the names that are kept when those with the most doubt are left out first",
}
DOUBT = ("probability", "noise")


@dataclass(frozen=True)
class Told:
    """A value with its bounds; NaN where there is none."""

    value: float
    lower: float
    upper: float

    @property
    def where(self) -> str:
        """Where the interval lies beside 0, in words."""
        if math.isnan(self.lower):
            return "there are too few sessions to say how sure that is"
        if self.lower > 0 or self.upper < 0:
            return f"luck alone would hardly give so {'much' if self.lower > 0 else 'little'}"
        return "luck alone could give that"


def found_in_depth(depth: pl.DataFrame, kind: str, part: str, metric: str) -> Told | None:
    """One figure of a `Depth` table; None where it is missing or has no value."""
    rows = depth.filter(kind=kind, part=part, metric=metric).filter(pl.col("value").is_not_null())
    if rows.is_empty():
        return None
    value, lower, upper = rows.select("value", "lower", "upper").fill_null(math.nan).row(0)
    return Told(value, lower, upper)


def in_short(depth: pl.DataFrame, windows: pl.DataFrame, horizon: int, market: str) -> Iterator[str]:
    """Sentences for the head of a report: what was asked, how it was tested, what was found.

    depth    rows of `Depth`
    windows  rows of `report.windows_of`
    market   kind of the source
    """
    test = windows.filter(pl.col("segment") == "test")
    folds = test["fold"].n_unique()
    often = "once" if folds == 1 else f"{folds} times"
    first, last = str(test["first"].min()), str(test["last"].max())
    if market == EMBEDDED:
        yield (
            "The market is made up: it behaves like a real one and its truth is known. The figures say how well the "
            "method works, not what anybody would have earned."
        )
    yield (
        f"Asked is which names will do better than the others over the next {horizon} sessions. The model learnt from "
        f"the past, was chosen on a later stretch, and was judged on a still later one that it had never seen; that "
        f"was done {often}, from {first} to {last}."
    )
    if rank_ic := found_in_depth(depth, "all", "all", "rank_ic"):
        yield (
            f"Of two names, the one that was ranked higher did better about {pairs_in_order(rank_ic.value):.1f} times "
            f"in 100, where tossing a coin makes 50; {rank_ic.where}."
        )
    if left := found_in_depth(depth, "taken out", "everything", "rank_ic"):
        yield (
            f"With size, industry, beta, volatility and recent losses taken out it is "
            f"{pairs_in_order(left.value):.1f} times in 100; {left.where}."
        )
    if leg := found_in_depth(depth, "side", "long leg, best tenth", "excess_return"):
        yield (
            f"The best tenth of the names, which can be bought, earned {leg.value:+z.2%} more than the mean of all in "
            f"{horizon} sessions before costs; {leg.where}."
        )
    if excess := found_in_depth(depth, "beside", UNIVERSE, "excess_return_annual"):
        yield (
            f"After costs the long-only portfolio earned {excess.value:+.1%} a year beside an equal-weight holder of "
            f"all names; {excess.where}."
        )


def glossary(depth: pl.DataFrame, trading: bool) -> dict[str, str]:
    """The words that a page uses, with what they mean."""
    stated = depth["kind"].is_in(DOUBT).any()
    return WORDS | (WORDS_OF_TRADING if trading else {}) | (WORDS_OF_DOUBT if stated else {})


def pairs_in_order(rank_ic: float) -> float:
    """Percent of pairs of names that the forecast orders rightly, as between normal values (Kendall from Spearman)."""
    return 50 + 100 * math.asin(2 * math.sin(math.pi * rank_ic / 6)) / math.pi


def does_not_show(depth: pl.DataFrame, trading: bool) -> Iterator[str]:
    """What a reader must not conclude, in sentences."""
    yield (
        "That it goes on. What was tested is past; others may find the same, and what earned stops earning. The test "
        "tells how the model did where it had not looked, nothing of a market that changes."
    )
    yield (
        "Which of many tries this is. Every look at the same test sessions is one more try, and the best of many "
        "looks good by luck: read the count of trials with the figures."
    )
    parts = depth.filter(
        pl.col("kind").is_in(["year", "board", "size", "industry", "market volatility", "market return"])
    )
    bounded = parts.filter(pl.col("metric") == "rank_ic", pl.col("lower").is_not_null())
    if len(bounded):
        above, below = (bounded.filter(pl.col("lower") > 0).height, bounded.filter(pl.col("upper") < 0).height)
        yield (
            f"That the best slice is better. {len(bounded)} slices have an interval; {above} lie above 0 and {below} "
            f"below. Were all forecasts noise, about {0.05 * len(bounded):.0f} would lie off 0 by chance."
        )
    if trading:
        yield (
            "What money would really have paid to trade. How far an order moves its price is a rule of thumb, the "
            "square root of its share of the volume, and was not measured; others who trade the same are not counted."
        )
    yield "What the worst names would have earned sold short: in this market they can hardly be."
