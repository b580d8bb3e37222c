"""Admission: which raw rows can be believed, and for the others the first rule they break with the values found."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.cleaning.rules import RULES
from assets.cleaning.rules import refusals as refusals_of
from assets.cleaning.rules.changes import NOT_FINITE
from assets.cleaning.rules.refusals import KEY
from assets.cleaning.rules.rule import Rule


def judged(raw: pl.DataFrame, sessions: pl.Series, rules: Sequence[Rule] = RULES) -> pl.DataFrame:
    """Every raw row once, with the `rule` that refuses it, its `version` and the `reason`; null for a row that is kept.

    raw       columns of `RawBars`; NaN and infinity count as missing
    sessions  dates of the calendar over at least the dates of `raw`
    rules     the rules that hold, in their order: the first refusal that a row breaks is named
    returns   kept rows in their order, then refused rows in theirs. Of identical rows for one security and session the
              first known is kept; rows that contradict each other are all refused.
    """
    refusals = refusals_of(rules)
    finite = NOT_FINITE.apply(raw, raw.clear()) if NOT_FINITE in rules else raw
    broken = [pl.when(rule.broken).then(pl.lit(rule.name)) for rule in refusals]
    marked = finite.with_columns(
        _repetition(finite),
        _is_session=pl.col("session").is_in(sessions.implode()),
    ).with_columns(rule=pl.coalesce(*broken, pl.lit(None, dtype=pl.String)))
    found = [
        pl.when(pl.col("rule") == rule.name).then(pl.struct(version=pl.lit(rule.version), reason=rule.reason))
        for rule in refusals
    ]
    nothing = {"version": pl.lit(None, dtype=pl.String), "reason": pl.lit(None, dtype=pl.String)}
    kept = marked.filter(pl.col("rule").is_null()).with_columns(**nothing)
    refused = marked.filter(pl.col("rule").is_not_null())
    if refused.height:
        refused = refused.with_columns(_found=pl.coalesce(found)).unnest("_found")
    else:
        refused = refused.with_columns(**nothing)
    return pl.concat([kept, refused]).drop("_repetition", "_is_session")


def _repetition(raw: pl.DataFrame) -> pl.Series:
    """'copy' for the later ones of identical rows, 'contradiction' for rows that disagree, null for all others."""
    keyed = pl.all_horizontal(pl.col(name).is_not_null() for name in KEY)
    repeated = raw.select(KEY).is_duplicated() & raw.select(keyed).to_series()
    # Of copies known at one instant the first by delivery stays, so that the order of the rows decides nothing.
    rows = raw.with_row_index("row").filter(repeated).sort("available_at", "delivery", nulls_last=True)
    content = [name for name in raw.columns if name not in ("delivery", "available_at")]
    place = pl.int_range(1, pl.len() + 1).over(KEY)
    verdicts = rows.select(
        "row",
        verdict=pl.when(pl.struct(content).n_unique().over(KEY) > 1)
        .then(pl.lit("contradiction"))
        .when(place > 1)
        .then(pl.lit("copy")),
    )
    everyone = pl.DataFrame({"row": pl.Series(range(raw.height), dtype=verdicts.schema["row"])})
    return everyone.join(verdicts, on="row", how="left", maintain_order="left")["verdict"].alias("_repetition")
