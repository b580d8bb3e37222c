"""Refusals: the rules that keep a raw row out of the bars, each with the sentence that says what was found in it."""

from __future__ import annotations

import polars as pl

from assets.cleaning.rule_book import BOARDS
from assets.cleaning.rules.rule import Refusal

KEY = ("security_id", "session")
PRICES = ("open", "high", "low", "close")
NUMBERS = (*PRICES, "prev_close", "volume", "amount", "adj_factor")
HALF_A_CENT = 0.005
LONGEST = 80  # characters of a value in a sentence
LEAST, MOST = 0.01, 1_000_000.0  # yuan per share: one tick, and far above what any share ever cost


def _identity_rules() -> tuple[Refusal, ...]:
    unknown_flag = pl.any_horizontal(pl.col("is_st", "is_suspended").is_null())
    return (
        Refusal(
            "missing_key",
            pl.any_horizontal(pl.col(name).is_null() for name in KEY),
            pl.coalesce(
                "source_objection",
                _found("the row does not say which security or session it is for: security_id {}, session {}", *KEY),
            ),
        ),
        Refusal("source_objection", pl.col("source_objection").is_not_null(), pl.col("source_objection")),
        Refusal(
            "unknown_board",
            ~pl.col("board").is_in(BOARDS).fill_null(False),
            _found(f"board of {{}} is {{}}; it must be one of {', '.join(BOARDS)}", "security_id", "board"),
        ),
        Refusal(
            "before_listing",
            (pl.col("session") < pl.col("listed_on")).fill_null(False),
            _found("{} lies before the listing of {} on {}", "session", "security_id", "listed_on"),
        ),
        Refusal(
            "not_a_session",
            ~pl.col("_is_session"),
            _found("{} is no session: too few securities traded on that date", "session"),
        ),
        Refusal(
            "missing_available_at",
            pl.col("available_at").is_null(),
            pl.lit("available_at is missing: nothing says when the row could be known"),
        ),
        Refusal("missing_flag", unknown_flag, _found("is_st is {}, is_suspended is {}", "is_st", "is_suspended")),
    )


def _price_rules() -> tuple[Refusal, ...]:
    traded = ~pl.col("is_suspended")
    on_first_session = (pl.col("session") == pl.col("listed_on")).fill_null(False)
    no_reference = pl.col("prev_close").is_null() & ~on_first_session
    no_price = pl.any_horizontal(pl.col(*PRICES).is_null()) | no_reference
    outside = ~pl.all_horizontal(pl.col(name).is_between(pl.col("low"), pl.col("high")) for name in ("open", "close"))
    sane = (pl.col(name).is_between(LEAST, MOST).fill_null(True) for name in (*PRICES, "prev_close"))
    prices = "open {}, high {}, low {}, close {}"
    return (
        Refusal(
            "missing_price",
            traded & no_price,
            _found(f"traded, but {prices}, prev_close {{}}", *PRICES, "prev_close"),
        ),
        Refusal(
            "non_positive_price",
            traded & pl.any_horizontal((pl.col(*PRICES, "prev_close") <= 0).fill_null(False)),
            _found(f"{prices}, prev_close {{}}; prices must be above 0", *PRICES, "prev_close"),
        ),
        Refusal(
            "impossible_price",
            traded & ~pl.all_horizontal(sane) | (pl.col("prev_close") > MOST),
            _found(f"{prices}, prev_close {{}}; prices must lie from {LEAST} to {MOST:.0f}", *PRICES, "prev_close"),
        ),
        Refusal(
            "high_below_low",
            traded & (pl.col("high") < pl.col("low")),
            _found("high {} is below low {}", "high", "low"),
        ),
        Refusal(
            "outside_range",
            traded & outside,
            _found("open {} or close {} lies outside low {} to high {}", "open", "close", "low", "high"),
        ),
    )


def _trade_rules() -> tuple[Refusal, ...]:
    traded = ~pl.col("is_suspended")
    vwap = pl.col("amount") / pl.col("volume")
    far_vwap = ~vwap.is_between(pl.col("low") - HALF_A_CENT, pl.col("high") + HALF_A_CENT)
    active = ~traded & pl.any_horizontal((pl.col("volume", "amount") > 0).fill_null(False))
    no_volume = ~pl.all_horizontal((pl.col("volume", "amount") > 0).fill_null(False))
    bad_factor = pl.col("adj_factor").is_null() & traded | (pl.col("adj_factor") <= 0) | (pl.col("adj_factor") > MOST)
    return (
        Refusal("no_volume", traded & no_volume, _found("traded, but volume {}, amount {}", "volume", "amount")),
        Refusal("suspended_with_volume", active, _found("suspended, but volume {}, amount {}", "volume", "amount")),
        Refusal(
            "vwap_outside_range",
            traded & far_vwap,
            _found("amount {} / volume {} lies outside low {} to high {}", "amount", "volume", "low", "high"),
        ),
        Refusal(
            "bad_adj_factor",
            bad_factor,
            _found(f"adj_factor is {{}}; it must be above 0 and at most {MOST:.0f}", "adj_factor"),
        ),
    )


def _repetition_rules() -> tuple[Refusal, ...]:
    return (
        Refusal(
            "duplicate",
            pl.col("_repetition") == "copy",
            _found("the same row was delivered before; this copy comes from {}", "delivery"),
        ),
        Refusal(
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


OF_A_ROW = (*_identity_rules(), *_price_rules(), *_trade_rules())
OF_REPETITION = _repetition_rules()
REFUSALS = (*OF_A_ROW, *OF_REPETITION)
