"""Aligned: the daily returns of many trials on the sessions that they have in common."""
# T sessions, N trials

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_SHARE = 0.9  # of the sessions of the one that is judged


@dataclass(frozen=True)
class Aligned:
    """Trials that can be compared session by session.

    own_T     returns of the one that is judged, on all of its sessions
    x_TN      returns of all that have nearly all of these sessions, on those that all of them have
    sessions  of x_TN, in time order
    trials    their ids, sorted
    left_out  trials with returns on too few of the sessions
    """

    own_T: Floats
    x_TN: Floats
    sessions: pl.Series
    trials: tuple[str, ...]
    own: str
    left_out: int

    @property
    def place(self) -> int:
        """Column of the one that is judged."""
        return self.trials.index(self.own)


def aligned(returns: pl.DataFrame, own: str) -> Aligned:
    """Align the trials of a family with one of them.

    returns  trial_id, session, excess_return; a return that is null or not finite is left out
    own      trial id of the one that is judged
    raises   ValueError where it has no return, and for two returns of one trial and session
    """
    known = returns.select("trial_id", "session", "excess_return").filter(pl.col("excess_return").is_finite())
    if known.select(twice=pl.struct("trial_id", "session").is_duplicated().any()).item():
        raise ValueError("a trial has two returns on one session; give one row for each trial and session")
    mine = known.filter(pl.col("trial_id") == own).sort("session")
    if mine.is_empty():
        raise ValueError(f"trial {own!r} has no returns; the trials with returns are {_named(known)}")
    shared = known.join(mine.select("session"), on="session", how="semi")
    counts = shared.group_by("trial_id").len().sort("trial_id")
    alike = counts.filter(pl.col("len") >= LEAST_SHARE * mine.height)["trial_id"]
    kept = shared.filter(pl.col("trial_id").is_in(alike.implode()))
    wide = kept.pivot("trial_id", index="session", values="excess_return").drop_nulls().sort("session")
    return Aligned(
        mine["excess_return"].to_numpy(),
        np.ascontiguousarray(wide.select(alike.to_list()).to_numpy()),
        wide["session"],
        tuple(alike),
        own,
        known["trial_id"].n_unique() - len(alike),
    )


def leads(family: Aligned, baseline: pl.DataFrame) -> Floats:
    """Return of each trial less that of a baseline (session, excess_return), on the sessions of both, [T, N]."""
    other = baseline.select("session", "excess_return").filter(pl.col("excess_return").is_finite())
    places = pl.DataFrame({"session": family.sessions, "place": np.arange(len(family.sessions))})
    common = places.join(other, on="session").sort("session")
    lead_TN: Floats = family.x_TN[common["place"].to_numpy()] - common["excess_return"].to_numpy()[:, None]
    return lead_TN


def _named(known: pl.DataFrame) -> list[str]:
    return known["trial_id"].unique().sort().to_list()
