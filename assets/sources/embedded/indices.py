"""Market indices: capitalisation-weighted closes of boards and of the largest companies, and who is among these."""
# S securities, T sessions

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time

import numpy as np
import polars as pl

from assets.sources.embedded.bars import Tape, instants, within
from assets.sources.embedded.streams import Bools, Floats, Places
from expectations.facts import RawIndexBars, RawIndexMembers

LARGE = "sh000300"
BOARD_INDICES = {"sh000002": ("sh60",), "sz399107": ("sz00", "sz30"), "sz399102": ("sz30",), "sh000688": ("sh68",)}
LARGE_SHARE = 0.25
"""Of all securities, those in the index of large ones."""
BASE = 1000.0
REVIEWED_IN = (6, 12)
TOLD_AT = time(17)


@dataclass(frozen=True)
class Indices:
    """Closes of each index, [T], and membership of the large one by review.

    reviews    places of the sessions after which a new list holds
    members    of each list, [S] each
    """

    tape: Tape
    closes: dict[str, Floats]
    inside: dict[str, Bools]  # [T, S]
    reviews: Places
    weights: tuple[Floats, ...]  # of each list, [S], 0 outside

    def bars(self, first: date, last: date) -> pl.DataFrame:
        """Rows of RawIndexBars from first to last."""
        span = within(self.tape.sessions, first, last)
        sessions = pl.Series(self.tape.sessions[span], dtype=pl.Date)
        rows_T, rows_S = np.nonzero(self.tape.is_listed_TS[span])
        amount_TS = np.zeros(self.tape.is_listed_TS[span].shape)
        amount_TS[rows_T, rows_S] = self.tape.amounts((rows_T + span.start, rows_S))
        frames = []
        for index, close_T in self.closes.items():
            before_T = np.concatenate([[BASE], close_T])[span]
            frame = pl.DataFrame(
                {
                    "session": sessions,
                    "index_id": pl.Series([index]).new_from_index(0, len(sessions)),
                    "close": close_T[span],
                    "prev_close": before_T,
                    "amount": np.where(self.inside[index][span], amount_TS, 0.0).sum(axis=1),
                    "available_at": instants(self.tape.sessions, time(self.tape.available_hour))[span],
                    "delivery": pl.Series(["synthetic_market"]).new_from_index(0, len(sessions)),
                }
            )
            frames.append(frame)
        return pl.concat(frames).select(RawIndexBars.column_names()).sort("session", "index_id")

    def members(self) -> pl.DataFrame:
        """Rows of RawIndexMembers: entries, removals and new weights after each review."""
        at, who, weight, holds = [], [], [], []
        before_S = np.zeros(len(self.tape.listings.securities))
        for place, weight_S in zip(self.reviews, self.weights, strict=True):
            for chosen, held in (
                (np.nonzero((before_S > 0) & (weight_S == 0))[0], False),
                (np.nonzero(weight_S)[0], True),
            ):
                at.append(np.full(len(chosen), place))
                who.append(chosen)
                weight.append(weight_S[chosen] if held else np.full(len(chosen), np.nan))
                holds.append(np.full(len(chosen), held))
            before_S = weight_S
        places = np.concatenate(at)
        return (
            pl.DataFrame(
                {
                    "known_on": pl.Series(self.tape.sessions, dtype=pl.Date).gather(places),
                    "available_at": instants(self.tape.sessions, TOLD_AT).gather(places),
                    "delivery": pl.Series(["synthetic_market"]).new_from_index(0, len(places)),
                    "index_id": pl.Series([LARGE]).new_from_index(0, len(places)),
                    "security_id": pl.Series(self.tape.listings.securities).gather(np.concatenate(who)),
                    "weight": pl.Series(np.concatenate(weight)).fill_nan(None),
                    "holds": np.concatenate(holds),
                }
            )
            .select(RawIndexMembers.column_names())
            .sort("known_on", "holds", "security_id")
        )


def make_indices(tape: Tape, float_shares_S: Floats) -> Indices:
    """Indices of a printed market; a security counts from its second session on."""
    path, listed_TS = tape.path, tape.is_listed_TS
    cap_TS = path.prev_close_TS * path.tick * path.growth_TS * float_shares_S
    move_TS = np.where(tape.is_suspended_TS, 0.0, path.close_TS / path.prev_close_TS - 1)
    counts_TS = listed_TS & np.concatenate([listed_TS[:1], listed_TS[:-1]])
    reviews, weights, large_TS = _reviews(tape, cap_TS, counts_TS)
    inside = {LARGE: large_TS}
    for index, prefixes in BOARD_INDICES.items():
        of_board_S = np.array([name.startswith(prefixes) for name in tape.listings.securities])
        if of_board_S.any():
            inside[index] = counts_TS & of_board_S
    closes = {index: _level(np.where(is_TS, cap_TS, 0.0), move_TS) for index, is_TS in inside.items()}
    return Indices(tape, closes, inside, reviews, weights)


def _reviews(tape: Tape, cap_TS: Floats, counts_TS: Bools) -> tuple[Places, tuple[Floats, ...], Bools]:
    """Sessions after which a new list of large companies holds, the weights of each list, and who is in when."""
    sessions, many = tape.sessions, len(tape.sessions)
    changes = [
        t for t in range(1, many) if sessions[t].month != sessions[t - 1].month and sessions[t].month in REVIEWED_IN
    ]
    reviews = np.array([0, *(t - 1 for t in changes if t > 1)])
    large_TS = np.zeros(cap_TS.shape, bool)
    weights = []
    wanted = max(2, int(LARGE_SHARE * cap_TS.shape[1]))
    for place, end in zip(reviews, np.append(reviews[1:], many - 1), strict=True):
        cap_S = np.where(counts_TS[place] & ~tape.is_st_TS[place], cap_TS[place], 0.0)
        chosen_S = (cap_S > 0) & (cap_S >= np.sort(cap_S)[-wanted])
        weights.append(np.round(cap_S * chosen_S / (cap_S * chosen_S).sum(), 6))
        large_TS[place + (place > 0) : end + 1] = chosen_S
    return reviews, tuple(weights), large_TS & counts_TS


def _level(cap_TS: Floats, move_TS: Floats) -> Floats:
    """Closes in points, rounded to hundredths, [T]."""
    moves_T = (cap_TS * move_TS).sum(axis=1) / np.maximum(cap_TS.sum(axis=1), 1.0)
    return np.asarray(np.round(BASE * np.cumprod(1 + moves_T), 2))
