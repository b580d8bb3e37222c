"""Trading halts: sessions without trading, those after a long halt, and those in which one side could not trade."""
# S securities, T sessions

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from assets.cleaning.rules.market import Market
from assets.cleaning.rules.rule import Found, Mark
from assets.cleaning.rules.windows import last_place

LONG_HALT = 20
GAP_LASTS = 5
COUNTED = 60


def suspended(market: Market) -> Found:
    """Sessions in which the name did not trade."""
    return Found(market.flags["is_suspended"], "suspended in this session")


def suspension_gap(market: Market) -> Found:
    """The first 5 sessions from a resumption after 20 sessions or more without a trade, or without a row.

    What came to light meanwhile comes at once, and windows hold nothing recent. Value: sessions without trade, 60 when
    they were more. The sessions before a listing are no halt.
    """
    halt_ST = resumed_after(market)
    long_ST = (halt_ST >= LONG_HALT) & ~market.flags["is_new_listing"]
    lasting_ST, missed_ST = np.zeros_like(long_ST), np.zeros(long_ST.shape)
    width = long_ST.shape[1]
    for lag in range(min(GAP_LASTS, width) - 1, -1, -1):
        begun_ST = long_ST[:, : width - lag]
        lasting_ST[:, lag:] |= begun_ST
        missed_ST[:, lag:] = np.where(begun_ST, halt_ST[:, : width - lag], missed_ST[:, lag:])
    return Found(lasting_ST & market.traded, "within 5 sessions of a halt of {} sessions (60: or more)", missed_ST)


def locked_up(market: Market) -> Found:
    """Sessions whose every trade was at the upper limit: nobody who wanted to buy can rely on having bought."""
    return Found(market.flags["is_locked_up"], "every trade at the upper limit {}", market.numbers["limit_up"])


def locked_down(market: Market) -> Found:
    """Sessions whose every trade was at the lower limit: nobody who wanted to sell can rely on having sold."""
    return Found(market.flags["is_locked_down"], "every trade at the lower limit {}", market.numbers["limit_down"])


def resumed_after(market: Market) -> NDArray[np.intp]:
    """Sessions without a trade just before each traded session, at most 60, 0 elsewhere, [S, T]."""
    traded_ST = market.traded
    halt_ST: NDArray[np.intp] = np.arange(traded_ST.shape[1]) - last_place(traded_ST) - 1
    return np.where(traded_ST, np.minimum(halt_ST, COUNTED), 0)


SUSPENDED = Mark("suspended", "masked", suspended, 0, "2026-11-22")
SUSPENSION_GAP = Mark("suspension_gap", "masked", suspension_gap, COUNTED + GAP_LASTS, "2026-11-22")
LOCKED_UP = Mark("locked_up", "flagged", locked_up, 0, "2026-11-22")
LOCKED_DOWN = Mark("locked_down", "flagged", locked_down, 0, "2026-11-22")
