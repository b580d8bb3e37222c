"""Policy wording: whether the title of a measure supports those whom it touches or restricts them.

The phrases are in `policy_wording.csv` beside this module, Chinese and English, each with where it is used. Of phrases
that begin at the same place the longest counts, so that a subsidy taken away is no subsidy. The theme is taken out of
the title first: a measure against speculation in a theme of support is no support.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import polars as pl

DIRECTIONS = {"supportive": 1, "restrictive": -1}
LANGUAGES = ("zh", "en")


@cache
def wording() -> pl.DataFrame:
    """One row for each phrase: phrase, language (zh or en), direction (supportive or restrictive), source.

    raises  ValueError for a phrase that appears twice, or an unknown language or direction
    """
    rows = pl.read_csv(Path(__file__).with_suffix(".csv"), infer_schema=False)
    known = pl.col("language").is_in(LANGUAGES) & pl.col("direction").is_in(list(DIRECTIONS))
    odd = rows.filter(~known | pl.col("phrase").is_duplicated())["phrase"].to_list()
    if odd:
        raise ValueError(
            f"policy_wording.csv: {odd} appear twice or are of another kind; name each phrase once, in lower case, "
            f"`language` one of {list(LANGUAGES)}, `direction` one of {list(DIRECTIONS)}"
        )
    return rows


def tones(titles: pl.DataFrame) -> pl.Series:
    """1 where more phrases of a title support than restrict, -1 where fewer do, 0 where as many or none.

    titles  theme, title, in any order
    """
    rest = titles.with_columns(rest=_without_theme()).select("rest")
    asked = rest.unique(maintain_order=True).with_columns(phrase=pl.col("rest").str.to_lowercase())
    told = asked.with_columns(pl.col("phrase").str.extract_all(_pattern())).explode("phrase", empty_as_null=True)
    signs = pl.col("direction").replace_strict(DIRECTIONS, return_dtype=pl.Int64)
    words = wording().select("phrase", sign=signs)
    summed = told.join(words, on="phrase", how="left").group_by("rest").agg(pl.col("sign").sum().sign())
    return rest.join(summed, on="rest", how="left", maintain_order="left")["sign"].alias("tone")


def _without_theme() -> pl.Expr:
    return pl.col("title").str.split(pl.col("theme")).list.join(" ")


@cache
def _pattern() -> str:
    """Every phrase, the longest first; English ones as whole words."""
    rows = wording().sort(pl.col("phrase").str.len_chars(), "phrase", descending=[True, False])
    written = pl.when(pl.col("language") == "en").then(pl.format(r"\b{}\b", "phrase")).otherwise("phrase")
    return "|".join(rows.select(written).to_series().to_list())
