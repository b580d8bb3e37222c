"""Treatment: names under special treatment (ST, *ST), and names in the last sessions before their delisting."""
# S securities, T sessions

from __future__ import annotations

from datetime import date

import numpy as np

from assets.cleaning.rules.market import Flags, Market
from assets.cleaning.rules.rule import Found, Mark
from assets.cleaning.rules.trading_halts import COUNTED, resumed_after
from assets.cleaning.rules.windows import count, last_value

# Sessions of a delisting period: 30, and 15 since the delisting rules of 2020-12-31.
LONG_PERIOD, SHORT_PERIOD, SHORT_SINCE = 30, 15, date(2020, 12, 31)
LEAST_HALT = 20
FIRST_FALL = -0.055


def st(market: Market) -> Found:
    """Sessions in which the name bore ST or *ST, as known that session."""
    return Found(market.flags["is_st"], "under special treatment")


def delisting_period(market: Market) -> Found:
    """Sessions of a delisting period, as far as it can be known.

    No source tells the period itself, so it is read off two signs. An announcement that names it (退市整理期) holds
    from the session in which it became known. Failing that, its usual first session: a name that was under special
    treatment resumes after 20 sessions or more without it, and falls by more than the 5% that special treatment would
    have allowed. Either holds for 30 sessions, 15 since 2020-12-31. A name that was never under special treatment and
    is not announced is missed.
    """
    treated_ST = np.where(market.has_row_ST, market.flags["is_st"], np.nan)
    was_treated_ST = last_value(treated_ST, COUNTED) == 1
    falls_ST = market.returns <= FIRST_FALL
    resumes_ST = (resumed_after(market) >= LEAST_HALT) & ~market.flags["is_new_listing"]
    begins_ST = market.announced_ST | (resumes_ST & was_treated_ST & ~market.flags["is_st"] & falls_ST)
    return Found(market.has_row_ST & _lasting(market, begins_ST), "in a delisting period, or likely so")


def _lasting(market: Market, begins_ST: Flags) -> Flags:
    is_short_T = np.array([session >= SHORT_SINCE for session in market.grid.sessions], dtype=bool)
    long_ST = count(begins_ST, LONG_PERIOD) > 0
    # A period that began under the old rule keeps its length.
    old_ST = count(begins_ST & ~is_short_T, LONG_PERIOD) > 0
    return np.where(is_short_T, (count(begins_ST, SHORT_PERIOD) > 0) | old_ST, long_ST)


ST = Mark("st", "masked", st, 0, "2026-11-22")
DELISTING_PERIOD = Mark("delisting_period", "masked", delisting_period, LONG_PERIOD + COUNTED, "2026-11-22")
