"""Admission: which raw rows can be believed, and for the others the first rule they break with the values found."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from assets.cleaning.rules import RULES
from assets.cleaning.rules import refusals as refusals_of
from assets.cleaning.rules.changes import NOT_FINITE
from assets.cleaning.rules.refusals import KEY, OF_REPETITION
from assets.cleaning.rules.rule import Refusal, Rule
from expectations.tables import RawBars

NOTHING = pl.lit(None, dtype=pl.String)


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
    is_session = pl.col("session").is_in(sessions.implode())
    rows = finite.with_columns(rule=NOTHING, version=NOTHING, reason=NOTHING, _is_session=is_session)
    rows = _marked(rows.with_row_index("_place"), [one for one in refusals if one not in OF_REPETITION])
    rows = _marked(rows.with_columns(_repetition(rows)), [one for one in refusals if one in OF_REPETITION])
    kept, refused = rows.filter(pl.col("rule").is_null()), rows.filter(pl.col("rule").is_not_null())
    return pl.concat([kept, refused.sort("_place")]).drop("_place", "_repetition", "_is_session")


def _marked(rows: pl.DataFrame, refusals: Sequence[Refusal]) -> pl.DataFrame:
    """`rows` with the first rule that each breaks, where it broke none before, and the reason."""
    broken = [pl.when(one.broken).then(pl.lit(one.name)) for one in refusals]
    is_it = {one.name: pl.col("rule") == one.name for one in refusals}
    reasons = [pl.when(is_it[one.name]).then(one.reason) for one in refusals]
    versions = [pl.when(is_it[one.name]).then(pl.lit(one.version)) for one in refusals]
    judged = rows.with_columns(rule=pl.coalesce("rule", *broken))
    # In one piece, since Polars panics when it formats a frame of several chunks of which one is empty.
    worded = judged.filter(pl.col("rule").is_not_null()).rechunk()
    worded = worded.with_columns(reason=pl.coalesce("reason", *reasons), version=pl.coalesce("version", *versions))
    return pl.concat([judged.filter(pl.col("rule").is_null()), worded])


def _repetition(rows: pl.DataFrame) -> pl.Series:
    """'copy' for the later ones of identical rows, 'contradiction' for rows that disagree, null for all others.

    Only rows that break no rule by themselves are compared: one that cannot be true contradicts nothing. Of copies
    known at one instant the first by delivery stays, so that the order of the rows decides nothing.
    """
    sound = rows.filter(pl.col("rule").is_null())
    repeated = sound.filter(sound.select(KEY).is_duplicated()).sort("available_at", "delivery", nulls_last=True)
    content = [name for name in RawBars.column_names() if name not in ("delivery", "available_at")]
    verdicts = repeated.select(
        "_place",
        _repetition=pl.when(pl.struct(content).n_unique().over(KEY) > 1)
        .then(pl.lit("contradiction"))
        .when(pl.int_range(1, pl.len() + 1).over(KEY) > 1)
        .then(pl.lit("copy")),
    )
    return rows.select("_place").join(verdicts, on="_place", how="left", maintain_order="left")["_repetition"]
