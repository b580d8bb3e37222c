"""Market news: pieces about companies to the minute, their tone, and what it foretells.

A piece comes at any minute, also in the evening and on days without trading; the first decision at or after it is the
first to know it. What comes before the close moves the price by the close, the rest by the next open, and the tone goes
on to work for some sessions. One piece in ten is printed again later and foretells nothing more.
"""
# N pieces, S securities, T sessions

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field
from scipy.special import ndtr

from assets.sources.embedded.calendar import DECIDED_AT, dates_of, days_of, first_to_know, moments
from assets.sources.embedded.listings import Listings
from assets.sources.embedded.statements import placed
from assets.sources.embedded.streams import Bools, Floats, Places, Singles, Streams
from assets.sources.embedded.wording import AGAIN, NEWS, SHARE_OF_TONE

CLOSE = 15 * 60
OPENING = 9 * 60 + 30
SAME_DAY_SHARE = 0.7
"""Of all pieces, those of the session's own day until 20:00; the rest came since the decision before."""
AGAIN_SHARE = 0.1
TONES = np.array([tone for tone, _, _ in NEWS])
SPREAD = float(np.sqrt(sum(share * tone**2 for tone, share in SHARE_OF_TONE.items())))


class NewsLaw(BaseModel):
    """How much news there is and how prices move at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float = Field(0.03, ge=0, le=1, description="pieces per session and security")
    reaction: float = Field(0.4, ge=0, le=3, description="log return at once for each step of tone, in noise scales")


@dataclass(frozen=True)
class News:
    """Pieces of news, [N], those printed again last.

    known_N     place of the first session whose decision knows it
    tone_N      0 for a piece printed again
    in_late_N   whether the reaction falls between VWAP and close of session `moved_N`, or else into its open
    """

    security_N: Places
    day_N: Places
    minute_N: Places
    known_N: Places
    wording_N: Places
    tone_N: Floats
    is_again_N: Bools
    moved_N: Places
    in_late_N: Bools
    number_N: Places

    def shocks(self, shape: tuple[int, int]) -> Singles:
        """Tones in deviations at the session whose decision is the first to know them, [T, S]."""
        return placed(self.known_N, self.security_N, self.tone_N / SPREAD, shape)

    def reactions(self, law: NewsLaw, scale_S: Singles, sessions: int) -> list[tuple[tuple[Places, Places], Floats]]:
        """Where opens react and by which log return, and the same between VWAP and close; expected return 0."""
        size_N = law.reaction * scale_S[self.security_N].astype(np.float64)
        mean_N = sum(share * np.exp(size_N * tone) for tone, share in SHARE_OF_TONE.items())
        moves_N = size_N * self.tone_N - np.log(mean_N)
        at_once = ~self.is_again_N & (self.moved_N < sessions)
        found = []
        for in_late in (False, True):
            chosen = at_once & (self.in_late_N == in_late)
            found.append(((self.moved_N[chosen], self.security_N[chosen]), moves_N[chosen]))
        return found

    def table(self, listings: Listings, names: Sequence[str], sessions: Sequence[date]) -> pl.DataFrame:
        """Rows of RawNews of kind news, without an identity yet."""
        place = np.maximum(self.known_N, 0)
        kept = (self.known_N >= 0) & (self.day_N <= days_of(sessions)[-1])
        kept &= (place >= listings.first_S[self.security_N]) & (place < listings.end_S[self.security_N])
        rows = np.nonzero(kept)[0]
        titles, bodies = (pl.Series([piece[k] for piece in NEWS]).gather(self.wording_N[rows]) for k in (1, 2))
        told = pl.DataFrame(
            {
                "known_on": dates_of(self.day_N[rows]),
                "available_at": moments(self.day_N[rows], self.minute_N[rows]),
                "security_id": pl.Series(listings.securities).gather(self.security_N[rows]),
                "name": pl.Series(names).gather(self.security_N[rows]),
                "number": pl.Series(self.number_N[rows]).cast(pl.String),
                "again": pl.Series(self.is_again_N[rows]),
                "title": titles,
                "body": bodies,
            }
        )
        prefix = pl.when("again").then(pl.lit(AGAIN)).otherwise(pl.lit(""))
        return told.select(
            "known_on", "available_at", "security_id", pl.lit("news").alias("kind"),
            (prefix + filled("title")).alias("title"), filled("body").alias("body"),
        )  # fmt: skip


def filled(column: str) -> pl.Expr:
    """A template with the columns `name` and `number` in their places."""
    named = pl.col(column).str.replace_all("{公司}", pl.col("name"), literal=True)
    return named.str.replace_all("{数}", pl.col("number"), literal=True)


def draw_news(streams: Streams, sessions: Sequence[date], securities: int, law: NewsLaw) -> News:
    """All pieces of a market; their times are drawn once, their tones are told session by session."""
    rng = streams.fixed("news")
    many = int(rng.poisson(law.rate * len(sessions) * securities))
    session_N, security_N = rng.integers(0, len(sessions), many), rng.integers(0, securities, many)
    day_N, minute_N = _times(rng, days_of(sessions), session_N)
    wording_N = _wordings(streams.told("news_tone", session_N), rng.random(many))
    again = np.nonzero(rng.random(many) < AGAIN_SHARE)[0]
    again_day = day_N[again] + rng.integers(1, 4, len(again))
    again_minute = rng.integers(7 * 60, 23 * 60, len(again))
    opens_late = (minute_N > CLOSE) & (day_N == days_of(sessions)[session_N])
    is_again_N = np.repeat([False, True], [many, len(again)])
    return News(
        security_N=np.append(security_N, security_N[again]),
        day_N=np.append(day_N, again_day),
        minute_N=np.append(minute_N, again_minute),
        known_N=np.append(session_N, first_to_know(sessions, again_day, again_minute)),
        wording_N=np.append(wording_N, wording_N[again]),
        tone_N=np.append(TONES[wording_N].astype(np.float64), np.zeros(len(again))),
        is_again_N=is_again_N,
        moved_N=np.append(session_N + opens_late, np.full(len(again), len(sessions))),
        in_late_N=np.append(
            (minute_N >= OPENING) & (minute_N <= CLOSE) & (day_N == days_of(sessions)[session_N]),
            np.zeros(len(again), bool),
        ),
        number_N=rng.integers(2, 60, many + len(again)),
    )


def _times(rng: np.random.Generator, known: Places, session_N: Places) -> tuple[Places, Places]:
    """Day and minute of each piece that the decision of a session is the first to know."""
    many = len(session_N)
    before_N = known[np.maximum(session_N - 1, 0)]
    same_day = (rng.random(many) < SAME_DAY_SHARE) | (session_N == 0)
    own_minute = rng.integers(7 * 60, DECIDED_AT + 1, many)
    # minutes since the decision before, until 07:00 of the session's day
    since = 1 + (rng.random(many) * ((known[session_N] - before_N) * 1440 - DECIDED_AT + 7 * 60 - 1).clip(1)).astype(
        int
    )
    later = DECIDED_AT + since
    day_N = np.where(same_day, known[session_N], before_N + later // 1440)
    return day_N, np.where(same_day, own_minute, later % 1440)


def _wordings(told_N: Floats, picked_N: Floats) -> Places:
    """Place in NEWS of each piece: a normal number decides the tone, another one the words."""
    tones = sorted(SHARE_OF_TONE)
    bounds = np.cumsum([SHARE_OF_TONE[tone] for tone in tones])[:-1]
    tone_N = np.array(tones)[np.searchsorted(bounds, ndtr(told_N))]
    places = {tone: np.array([n for n, piece in enumerate(NEWS) if piece[0] == tone]) for tone in tones}
    found = np.zeros(len(told_N), np.intp)
    for tone, options in places.items():
        of_tone = tone_N == tone
        found[of_tone] = options[(picked_N[of_tone] * len(options)).astype(int)]
    return found
