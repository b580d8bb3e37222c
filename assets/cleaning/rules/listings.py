"""Listings: sessions in which a name has too short a past, or still runs from limit to limit after its listing."""

from __future__ import annotations

import numpy as np

from assets.cleaning.rules.market import Market
from assets.cleaning.rules.rule import Found, Mark

NEW_FOR = 60


def new_listing(market: Market) -> Found:
    """The first 60 sessions of a security whose listing date is known (`Bars.is_new_listing`)."""
    return Found(market.flags["is_new_listing"], "listed fewer than 60 sessions ago")


def listing_run(market: Market) -> Found:
    """The run of closes at the upper limit that begins with the listing, and the session in which it ends.

    Until it opens, such a name cannot be bought; the session that opens it is known as such only at its close. Value:
    sessions of the run so far. A run is followed for 60 sessions, the longest ones took about forty.
    """
    trades_ST = market.flags["is_new_listing"] & market.traded
    opened_ST = np.cumsum(trades_ST & ~market.at_limit_up(), axis=1)
    run_ST = trades_ST & (opened_ST - (trades_ST & ~market.at_limit_up()) == 0)
    length_ST = np.cumsum(run_ST, axis=1).astype(np.float64)
    return Found(run_ST, "session {} of the run of upper limits since the listing, or the one that ended it", length_ST)


NEW_LISTING = Mark("new_listing", "masked", new_listing, 0, "2026-11-22")
LISTING_RUN = Mark("listing_run", "masked", listing_run, NEW_FOR, "2026-11-22")
