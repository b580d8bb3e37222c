"""Market states: is the truth of a state the mean of what comes of it when the law is restarted there with fresh noise?

Each market is stopped after a session, and everything that is drawn later is drawn anew many times. The noise that all
securities share is taken out by comparing with the mean of the session, for the labels as for the truth.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from assets.sources.embedded.making import Market, make
from assets.sources.embedded.streams import Streams
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.outcome import Demand

# R restarts, S securities

MARKETS = 6
SECURITIES, STOPPED_AT, AFTERWARDS = 200, 60, 22
RESTARTS = 1500
HORIZONS = (1, 5)
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class States:
    """What was told of some states and what came of them on average, with the standard error of that mean."""

    told: Floats
    mean: Floats
    error: Floats


def check(settings: Mapping[str, object], seed: int) -> States:
    """All states of one market at each horizon."""
    sizes = {"seed": seed, "securities": SECURITIES, "sessions": STOPPED_AT + AFTERWARDS}
    law = SyntheticMarketSpec.model_validate({**settings, **sizes}).effective()
    market = make(law)
    told_HS = _told(market)
    labels_RHS = np.stack([_labels(_restarted(law, market, n)) for n in range(RESTARTS)])
    valid_HS = np.isfinite(told_HS) & (np.isfinite(labels_RHS).sum(axis=0) > 0.5 * RESTARTS)
    labels_RHS = np.where(valid_HS, labels_RHS, np.nan)
    apart_RHS = labels_RHS - np.nanmean(labels_RHS, axis=2, keepdims=True)
    told_HS = np.where(valid_HS, told_HS, np.nan)
    told_HS = told_HS - np.nanmean(told_HS, axis=1, keepdims=True)
    counted = np.isfinite(apart_RHS).sum(axis=0)[valid_HS]
    mean = np.nanmean(apart_RHS[:, valid_HS], axis=0)
    return States(told_HS[valid_HS], mean, np.nanstd(apart_RHS[:, valid_HS], axis=0) / np.sqrt(counted))


def pooled(markets: Sequence[States]) -> dict[str, float]:
    """Figures over all states: how many, the share beyond 3 standard errors, the slope of means on what was told."""
    told, mean, error = (
        np.concatenate([getattr(states, name) for states in markets]) for name in ("told", "mean", "error")
    )
    z = (mean - told) / error
    weight = 1 / error**2
    slope = float((weight * told * mean).sum() / (weight * told**2).sum())
    slope_error = float(1 / np.sqrt((weight * told**2).sum()))
    print(f"{len(z)} states: slope {slope:.3f} +- {slope_error:.3f}, largest |z| {np.abs(z).max():.2f}")
    return {
        "states": len(z),
        "states_beyond_3": float(np.mean(np.abs(z) > 3)),
        "states_largest_z": float(np.abs(z).max()),
        "states_spread_of_z": float(z.std()),
        "states_slope": slope,
    }


def demands() -> list[Demand]:
    """At least 1,000 states, hardly any beyond 3 standard errors (.0027 by chance), and a slope of 1."""
    return [
        Demand("states", 1000, at_least=True),
        Demand("states_beyond_3", 0.01, at_least=False),
        Demand("states_slope", 0.95, at_least=True),
        Demand("states_slope", 1.05, at_least=False),
    ]


def _restarted(law: SyntheticMarketSpec, market: Market, number: int) -> Market:
    return make(law, Streams(law.seed, STOPPED_AT + 1, number), market.strengths)


def _told(market: Market) -> Floats:
    """Expected returns of every security after the session, [H, S]; NaN where it does not trade."""
    session = market.tape.sessions[STOPPED_AT]
    rows = market.truth.table(session, session)
    lived = pl.DataFrame({"security_id": market.tape.listings.securities}).with_row_index("row")
    alive = lived.filter(pl.Series(market.tape.is_listed_TS[STOPPED_AT]))
    told_HS = np.full((len(HORIZONS), lived.height), np.nan)
    for h, horizon in enumerate(HORIZONS):
        placed = rows.filter(pl.col("horizon") == horizon).join(alive, on="security_id")
        told_HS[h, placed["row"].to_numpy()] = placed["total"].to_numpy()
    return told_HS


def _labels(market: Market) -> Floats:
    """Tradable returns of buys after the session, [H, S]; NaN where the buy is refused or not sold in time."""
    tape, path = market.tape, market.tape.path
    trades_TS = tape.is_listed_TS & ~tape.is_suspended_TS
    price_TS = path.vwap_TS * path.adj_factor_TS
    is_up_TS = path.locked_TS & (path.close_TS == path.limit_up_TS)
    is_down_TS = path.locked_TS & (path.close_TS == path.limit_down_TS)
    entry = STOPPED_AT + 1
    paid_S = np.where(trades_TS[entry] & ~is_up_TS[entry], price_TS[entry], np.nan)
    sold_TS = np.where(trades_TS & ~is_down_TS, price_TS, np.nan)
    for t in range(len(sold_TS) - 2, -1, -1):
        sold_TS[t] = np.where(np.isfinite(sold_TS[t]), sold_TS[t], sold_TS[t + 1])
    return np.stack([sold_TS[entry + horizon] / paid_S - 1 for horizon in HORIZONS])
