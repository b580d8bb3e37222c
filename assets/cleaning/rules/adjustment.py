"""Adjustment: ex-days on which the adjustment factor and the exchange's reference price tell different stories."""
# S securities, T sessions

from __future__ import annotations

import numpy as np

from assets.cleaning.rules.market import Market
from assets.cleaning.rules.rule import Found, Mark
from assets.cleaning.rules.windows import count, last_place, last_value

TOLERANCE = 0.01
TICKS = 0.015
LASTS = 20
SEEN_FOR = 60


def adjustment_break(market: Market) -> Found:
    """20 sessions from one whose factor jumps without a gap of the reference price, or the other way round.

    Adjusted, the reference price of a session is the last close before it, at most 60 sessions back; apart by more than
    1% and a cent and a half, one of the two is wrong, and so is every return across that session. Where a session in
    between has no row, not even a suspended one, the last close may be unknown, and nothing is judged. Value: the
    reference price over that close, both adjusted, less 1; null after the session itself.
    """
    numbers = market.numbers
    last_ST = last_value(np.where(market.traded, numbers["close"] * numbers["adj_factor"], np.nan), SEEN_FOR)
    expected_ST = last_ST / numbers["adj_factor"]
    apart_ST = numbers["prev_close"] - expected_ST
    allowed_ST = TOLERANCE * np.maximum(expected_ST, numbers["prev_close"]) + TICKS
    unbroken_ST = last_place(market.traded) > last_place(~market.has_row_ST)
    breaks_ST = market.traded & unbroken_ST & (np.abs(apart_ST) > allowed_ST)
    where_ST = market.has_row_ST & (count(breaks_ST, LASTS) > 0)
    value_ST = np.where(breaks_ST, apart_ST / expected_ST, np.nan)
    return Found(
        where_ST, "within 20 sessions of a factor that does not fit the reference price (apart by {})", value_ST
    )


ADJUSTMENT_BREAK = Mark("adjustment_break", "masked", adjustment_break, LASTS + SEEN_FOR, "2026-11-22")
