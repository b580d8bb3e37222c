"""Cleaning page: what the cleaning rules touched and what each is worth, as one HTML file."""

from __future__ import annotations

from html import escape

import polars as pl

from assets.evaluation.cleaning_pictures import effect_of_rules, shares_by_year
from assets.evaluation.page import image, page, section, table

WARNING = (
    "Each line looks at the test windows once more. It tells what a rule costs or gains; choosing rules by it would be "
    "choosing on the test."
)


def cleaning_page(counts: pl.DataFrame, effect: pl.DataFrame) -> str:
    """The document; `counts` are rows of `CleaningCounts`, `effect` rows of `CleaningEffect`."""
    return page(
        "Cleaning",
        [
            "<p class=kicker>Every rule of cleaning, what it touched, and what a fast model shows without it</p>",
            "<h1>What cleaning does to the market and to the verdict</h1>",
            section("Rows that each rule touched", _picture(counts), table(_rows(counts), ("rows", "share, %"))),
            section(
                "What changes when one rule is turned about",
                image(effect_of_rules(effect), "Change of RankIC and of net excess return, rule by rule"),
                f"<p>{escape(WARNING)}</p>",
                table(_effects(effect), ("rows touched", "members", "RankIC", "excess, % a year")),
            ),
        ],
    )


def _picture(counts: pl.DataFrame) -> str:
    return image(shares_by_year(counts), "Share of rows touched by rule and year") if counts.height else ""


def _rows(counts: pl.DataFrame) -> pl.DataFrame:
    there = (pl.col("rows") / pl.col("share")).sum()
    by_board = counts.group_by("rule", "action", "board").agg(pl.col("rows").sum(), share=pl.col("rows").sum() / there)
    return by_board.sort("action", "rule", "board").select(
        "rule", "action", "board", "rows", (pl.col("share") * 100).round(3).alias("share, %")
    )


def _effects(effect: pl.DataFrame) -> pl.DataFrame:
    return effect.select(
        "rule",
        "turned",
        pl.col("rows_touched").alias("rows touched"),
        "members",
        pl.col("rank_ic").round(4).alias("RankIC"),
        _change("rank_ic_change", 1.0, 4).alias("change of RankIC [95%]"),
        (pl.col("excess_return_annual") * 100).round(1).alias("excess, % a year"),
        _change("excess_change", 100.0, 1).alias("change of excess [95%]"),
        pl.col("note").fill_null("").alias("why not"),
    )


def _change(column: str, scale: float, digits: int) -> pl.Expr:
    mean, lower, upper = ((pl.col(f"{column}{end}") * scale).round(digits) for end in ("", "_lower", "_upper"))
    return pl.format("{} [{}, {}]", mean, lower, upper).fill_null("")
