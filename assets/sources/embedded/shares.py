"""Market shares: how many shares of each company exist and can be traded, and when that changes."""
# S securities, T sessions

from __future__ import annotations

from datetime import time

import numpy as np
import polars as pl

from assets.sources.embedded.bars import Tape, instants
from assets.sources.embedded.streams import Streams
from assets.sources.embedded.volume import Companies
from expectations.facts import RawFloatShares

UNLOCKED_SHARE = 0.3
"""Of all companies, those whose locked shares become tradable within the span."""
TOLD_AT = time(8)


def float_shares(streams: Streams, tape: Tape, companies: Companies) -> pl.DataFrame:
    """Rows of RawFloatShares: one on the first session, one where rights change the number, one where locks end."""
    path, listings = tape.path, tape.listings
    many, securities = path.growth_TS.shape
    rng = streams.fixed("unlocked")
    unlocked_S = np.where(rng.random(securities) < UNLOCKED_SHARE, rng.integers(0, many, securities), many)
    changed_TS = np.zeros((many, securities), bool)
    changed_TS[1:] = path.growth_TS[1:] != path.growth_TS[:-1]
    changed_TS[unlocked_S[unlocked_S < many], np.nonzero(unlocked_S < many)[0]] = True
    changed_TS[listings.first_S, np.arange(securities)] = True
    at, who = np.nonzero(changed_TS & tape.is_listed_TS)
    free = np.where(at >= unlocked_S[who], companies.total_shares_S[who], companies.float_shares_S[who])
    return pl.DataFrame(
        {
            "known_on": pl.Series(tape.sessions, dtype=pl.Date).gather(at),
            "available_at": instants(tape.sessions, TOLD_AT).gather(at),
            "delivery": pl.Series(["synthetic_market"]).new_from_index(0, len(at)),
            "security_id": pl.Series(listings.securities).gather(who),
            "float_shares": np.rint(free * path.growth_TS[at, who]),
            "total_shares": np.rint(companies.total_shares_S[who] * path.growth_TS[at, who]),
        }
    ).select(RawFloatShares.column_names())
