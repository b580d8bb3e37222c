"""Market listings: the securities of the embedded market, when each comes and goes, and a code that is used twice.

A raw `security_id` is what an exchange prints, the ticker. The ticker of a delisted security may come back for another
company: its second life has its own `listed_on`, and to tell the two apart by it is for whoever cleans the bars.
"""
# S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from assets.sources.embedded.streams import Bools, Places, Streams

STAR_OPENED = date(2019, 7, 22)
NEW_SHARE = 0.15
"""Of all securities, those that list within the span."""
DELISTED_SHARE = 0.02
DELISTING_PERIOD = 30
"""Sessions from the announcement of the delisting period to the last session."""
HALT_BEFORE = 20
"""Sessions of suspension before the delisting period."""
REUSED_AFTER = 80
"""Sessions after which the ticker of a delisted security may come back, at the earliest."""
PREFIXES = {"sh60": "main", "sz00": "main", "sz30": "chinext", "sh68": "star"}


@dataclass(frozen=True)
class Listings:
    """Every life of a ticker; the order is alphabetical but for the one whose ticker was used before.

    first_S    place of the first session with a row; 0 for those that were listed before the span
    end_S      place after the last one; T where it is still listed at the end
    is_new_S   listed within the span
    """

    securities: tuple[str, ...]
    boards: tuple[str, ...]
    listed_on: tuple[date, ...]
    first_S: Places
    end_S: Places
    is_new_S: Bools
    sessions: int

    @property
    def is_listed(self) -> Bools:
        """Sessions in which each has a row, [T, S]."""
        place_T1 = np.arange(self.sessions)[:, None]
        return np.asarray((place_T1 >= self.first_S) & (place_T1 < self.end_S))

    @property
    def is_delisted(self) -> Bools:
        """Whether each leaves within the span, [S]."""
        return np.asarray(self.end_S < self.sessions)

    def of_board(self, board: str) -> Bools:
        """Whether each is of that board, [S]."""
        return np.array([found == board for found in self.boards])


def draw_listings(
    streams: Streams, sessions: Sequence[date], securities: int, *, new_listings: bool, delistings: bool
) -> Listings:
    """The lives of S tickers or, where one is used twice, of S lives."""
    many = len(sessions)
    prefixes = streams.fixed("board").choice(["sh60", "sz00", "sz30"], size=securities, p=[0.45, 0.3, 0.25])
    rng = streams.fixed("listing")
    is_new_S = (rng.random(securities) < NEW_SHARE) & new_listings & (many > 1)
    first_S = np.where(is_new_S, rng.integers(1, max(2, many), securities), 0)
    age_S = rng.integers(400, 5000, securities)
    end_S = _ends(streams, many, securities, is_new_S, delistings)
    is_star_S = is_new_S & (np.array(sessions)[first_S] >= STAR_OPENED) & (rng.random(securities) < 0.4)
    tickers = [
        f"{'sh68' if star else kind}{n + 1:04d}" for n, (kind, star) in enumerate(zip(prefixes, is_star_S, strict=True))
    ]
    listed_on = [
        sessions[first] if is_new else sessions[0] - timedelta(days=int(age))
        for first, is_new, age in zip(first_S, is_new_S, age_S, strict=True)
    ]
    # the order is that of the tickers before one is given away, so that no switch moves a security
    order = np.array(sorted(range(securities), key=lambda s: tickers[s]))
    for old, new in _reused(first_S, end_S, is_new_S):
        tickers[new] = tickers[old]
    return Listings(
        securities=tuple(tickers[s] for s in order),
        boards=tuple(PREFIXES[tickers[s][:4]] for s in order),
        listed_on=tuple(listed_on[s] for s in order),
        first_S=first_S[order],
        end_S=end_S[order],
        is_new_S=is_new_S[order],
        sessions=many,
    )


def _ends(streams: Streams, many: int, securities: int, is_new_S: Bools, delistings: bool) -> Places:
    """Place after the last session of each, [S]; only what was listed before the span leaves it."""
    rng = streams.fixed("delisting")
    leaves_S = (rng.random(securities) < DELISTED_SHARE) & ~is_new_S & delistings
    earliest = HALT_BEFORE + DELISTING_PERIOD + 2
    at_S = rng.integers(earliest, max(earliest + 1, many), securities)
    return np.where(leaves_S & (at_S < many), at_S, many)


def _reused(first_S: Places, end_S: Places, is_new_S: Bools) -> list[tuple[int, int]]:
    """Pairs of a delisted security and the later listing that gets its ticker: the first that can, once."""
    for old in np.argsort(end_S, kind="stable"):
        later = np.nonzero(is_new_S & (first_S >= end_S[old] + REUSED_AFTER))[0]
        if end_S[old] < end_S.max() and len(later):
            return [(int(old), int(later[np.argmin(first_S[later])]))]
    return []
