"""Admission: which raw rows can be believed, and for the others the first rule they break with the values found."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from assets.cleaning.rule_book import BOARDS
from expectations.tables import RawBars

KEY = ("security_id", "session")
PRICES = ("open", "high", "low", "close")
NUMBERS = (*PRICES, "prev_close", "volume", "amount", "adj_factor")
HALF_A_CENT = 0.005
LONGEST = 80  # characters of a value in a sentence
LEAST, MOST = 0.01, 1_000_000.0  # yuan per share: one tick, and far above what any share ever cost


@dataclass(frozen=True)
class Rule:
    """A rule: its short name, the rows that break it, and the sentence that says what was found in them."""

    name: str
    broken: pl.Expr
    reason: pl.Expr


def judged(raw: pl.DataFrame, sessions: pl.Series) -> pl.DataFrame:
    """Every raw row once, with the `rule` that refuses it and the `reason`; both are null for a row that is kept.

    raw       columns of `RawBars`
    sessions  dates of the calendar over at least the dates of `raw`
    returns   kept rows in their order, then refused rows in theirs. Of identical rows for one security and session the
              first known is kept; rows that contradict each other are all refused. NaN and infinity count as missing.
    """
    rows = _finite(raw).with_columns(rule=_nothing(), reason=_nothing()).with_row_index("_place")
    rows = _marked(rows, _row_rules(sessions))
    rows = _marked(rows.with_columns(_repetition(rows)), _repetition_rules())
    kept, refused = rows.filter(pl.col("rule").is_null()), rows.filter(pl.col("rule").is_not_null())
    return pl.concat([kept, refused.sort("_place")]).drop("_place", "_repetition")


def _marked(rows: pl.DataFrame, rules: tuple[Rule, ...]) -> pl.DataFrame:
    """`rows` with the first rule that each breaks, where it broke none before, and the reason."""
    broken = [pl.when(rule.broken).then(pl.lit(rule.name)) for rule in rules]
    reasons = [pl.when(pl.col("rule") == rule.name).then(rule.reason) for rule in rules]
    refused = rows.with_columns(rule=pl.coalesce("rule", *broken))
    # In one piece, since Polars panics when it formats a frame of several chunks of which one is empty.
    worded = refused.filter(pl.col("rule").is_not_null()).rechunk()
    worded = worded.with_columns(reason=pl.coalesce("reason", *reasons))
    return pl.concat([refused.filter(pl.col("rule").is_null()), worded])


def _nothing() -> pl.Expr:
    return pl.lit(None, dtype=pl.String)


def _finite(raw: pl.DataFrame) -> pl.DataFrame:
    return raw.with_columns(pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name) for name in NUMBERS)


def _repetition(rows: pl.DataFrame) -> pl.Series:
    """'copy' for the later ones of identical rows, 'contradiction' for rows that disagree, null for all others.

    Only rows that break no rule by themselves are compared: one that cannot be true contradicts nothing.
    """
    sound = rows.filter(pl.col("rule").is_null())
    repeated = sound.filter(sound.select(KEY).is_duplicated())
    content = [name for name in RawBars.column_names() if name not in ("delivery", "available_at")]
    verdicts = repeated.select(
        "_place",
        _repetition=pl.when(pl.struct(content).n_unique().over(KEY) > 1)
        .then(pl.lit("contradiction"))
        .when(pl.col("available_at").rank("ordinal").over(KEY) > 1)
        .then(pl.lit("copy")),
    )
    return rows.select("_place").join(verdicts, on="_place", how="left", maintain_order="left")["_repetition"]


def _row_rules(sessions: pl.Series) -> tuple[Rule, ...]:
    return (*_identity_rules(sessions), *_price_rules(), *_trade_rules())


def _identity_rules(sessions: pl.Series) -> tuple[Rule, ...]:
    a_session = pl.col("session").is_in(sessions.implode())
    unknown_flag = pl.any_horizontal(pl.col("is_st", "is_suspended").is_null())
    return (
        Rule(
            "missing_key",
            pl.any_horizontal(pl.col(name).is_null() for name in KEY),
            pl.coalesce(
                "source_objection",
                _found("the row does not say which security or session it is for: security_id {}, session {}", *KEY),
            ),
        ),
        Rule("source_objection", pl.col("source_objection").is_not_null(), pl.col("source_objection")),
        Rule(
            "unknown_board",
            ~pl.col("board").is_in(BOARDS).fill_null(False),
            _found(f"board of {{}} is {{}}; it must be one of {', '.join(BOARDS)}", "security_id", "board"),
        ),
        Rule(
            "before_listing",
            (pl.col("session") < pl.col("listed_on")).fill_null(False),
            _found("{} lies before the listing of {} on {}", "session", "security_id", "listed_on"),
        ),
        Rule(
            "not_a_session",
            ~a_session,
            _found("{} is no session: too few securities traded on that date", "session"),
        ),
        Rule(
            "missing_available_at",
            pl.col("available_at").is_null(),
            pl.lit("available_at is missing: nothing says when the row could be known"),
        ),
        Rule("missing_flag", unknown_flag, _found("is_st is {}, is_suspended is {}", "is_st", "is_suspended")),
    )


def _price_rules() -> tuple[Rule, ...]:
    traded = ~pl.col("is_suspended")
    on_first_session = (pl.col("session") == pl.col("listed_on")).fill_null(False)
    no_reference = pl.col("prev_close").is_null() & ~on_first_session
    no_price = pl.any_horizontal(pl.col(*PRICES).is_null()) | no_reference
    outside = ~pl.all_horizontal(pl.col(name).is_between(pl.col("low"), pl.col("high")) for name in ("open", "close"))
    sane = (pl.col(name).is_between(LEAST, MOST).fill_null(True) for name in (*PRICES, "prev_close"))
    prices = "open {}, high {}, low {}, close {}"
    return (
        Rule(
            "missing_price",
            traded & no_price,
            _found(f"traded, but {prices}, prev_close {{}}", *PRICES, "prev_close"),
        ),
        Rule(
            "non_positive_price",
            traded & pl.any_horizontal((pl.col(*PRICES, "prev_close") <= 0).fill_null(False)),
            _found(f"{prices}, prev_close {{}}; prices must be above 0", *PRICES, "prev_close"),
        ),
        Rule(
            "impossible_price",
            traded & ~pl.all_horizontal(sane) | (pl.col("prev_close") > MOST),
            _found(f"{prices}, prev_close {{}}; prices must lie from {LEAST} to {MOST:.0f}", *PRICES, "prev_close"),
        ),
        Rule(
            "high_below_low",
            traded & (pl.col("high") < pl.col("low")),
            _found("high {} is below low {}", "high", "low"),
        ),
        Rule(
            "outside_range",
            traded & outside,
            _found("open {} or close {} lies outside low {} to high {}", "open", "close", "low", "high"),
        ),
    )


def _trade_rules() -> tuple[Rule, ...]:
    traded = ~pl.col("is_suspended")
    vwap = pl.col("amount") / pl.col("volume")
    far_vwap = ~vwap.is_between(pl.col("low") - HALF_A_CENT, pl.col("high") + HALF_A_CENT)
    active = ~traded & pl.any_horizontal((pl.col("volume", "amount") > 0).fill_null(False))
    no_volume = ~pl.all_horizontal((pl.col("volume", "amount") > 0).fill_null(False))
    bad_factor = pl.col("adj_factor").is_null() & traded | (pl.col("adj_factor") <= 0) | (pl.col("adj_factor") > MOST)
    return (
        Rule("no_volume", traded & no_volume, _found("traded, but volume {}, amount {}", "volume", "amount")),
        Rule("suspended_with_volume", active, _found("suspended, but volume {}, amount {}", "volume", "amount")),
        Rule(
            "vwap_outside_range",
            traded & far_vwap,
            _found("amount {} / volume {} lies outside low {} to high {}", "amount", "volume", "low", "high"),
        ),
        Rule(
            "bad_adj_factor",
            bad_factor,
            _found(f"adj_factor is {{}}; it must be above 0 and at most {MOST:.0f}", "adj_factor"),
        ),
    )


def _repetition_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            "duplicate",
            pl.col("_repetition") == "copy",
            _found("the same row was delivered before; this copy comes from {}", "delivery"),
        ),
        Rule(
            "contradiction",
            pl.col("_repetition") == "contradiction",
            _found(
                "another row for {} on {} says otherwise; this one has close {} and volume {}", *KEY, "close", "volume"
            ),
        ),
    )


def _found(sentence: str, *columns: str) -> pl.Expr:
    shown = (pl.col(name).cast(pl.String).str.slice(0, LONGEST) for name in columns)
    return pl.format(sentence, *(text.fill_null(_absent(name)) for text, name in zip(shown, columns, strict=True)))


def _absent(name: str) -> str:
    return "missing or no number" if name in NUMBERS else "missing"
