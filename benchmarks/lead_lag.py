"""Lead-lag baskets: a made-up market in which one name of each basket foretells the others, as a panel with its truth.

Each session a follower's return holds a share of what the leader of its basket earned `LAG` sessions before; the rest
of every return is noise, half of it common to the market. Who leads is drawn for every basket and told to nobody.
"""
# S securities, T sessions, F features

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from assets.training.panel import TEST, TRAIN, VALID, Panel, targets
from assets.wide import Grid

BASKETS, SIZE, LAG = 40, 5, 3
RANK_IC = 0.10
"""Rank correlation of the component with the realised return, over the followers of a session."""
TRAINED, VALIDATED, TESTED = 850, 150, 500
"""Sessions with a label of train and validation, which are 1,000 together, and of test."""
BEFORE = 60
SETTLES = 2
"""Sessions after a decision at whose end the return that it is judged by is known; so far apart lie the windows."""
COLUMNS = ("open_to_close", "high_to_close", "low_to_close", "vwap_to_close", "log_return", "volume_change")
DAILY = 0.02


@dataclass(frozen=True)
class LeadLag:
    """A drawn market.

    panel         of all names; the label of a session is the return of the session but one after it
    baskets       security ids, in a random order
    leads_S       whether a name is the leader of its basket
    component_ST  what the leader foretells of the label: known at the decision, 0 for leaders
    """

    panel: Panel
    baskets: tuple[tuple[str, ...], ...]
    leads_S: NDArray[np.bool_]
    component_ST: NDArray[np.float64]


def lead_lag(seed: int, *, absent: bool = False) -> LeadLag:
    """Draw a market; with `absent` nobody leads, and the component is what the leader would have foretold."""
    rng = np.random.default_rng(seed)
    names, sessions = BASKETS * SIZE, BEFORE + TRAINED + VALIDATED + TESTED + 3 * SETTLES
    noise_ST = DAILY * rng.standard_normal((names, sessions))
    leader_B = rng.integers(SIZE, size=BASKETS)
    leads_S = np.zeros(names, dtype=bool)
    leads_S[np.arange(BASKETS) * SIZE + leader_B] = True
    said_ST = np.repeat(noise_ST[leads_S], SIZE, axis=0)
    share = RANK_IC / np.sqrt(1 - RANK_IC**2)
    heard_ST = np.zeros_like(noise_ST)
    heard_ST[:, LAG:] = share * said_ST[:, :-LAG]
    heard_ST[leads_S] = 0.0
    market_T = DAILY * rng.standard_normal(sessions)
    return_ST = noise_ST + market_T + (0.0 if absent else heard_ST)
    ids = tuple(f"sh{600000 + number}" for number in range(names))
    component_ST = np.full_like(heard_ST, np.nan)
    component_ST[:, :-SETTLES] = heard_ST[:, SETTLES:]
    baskets = tuple(tuple(map(str, rng.permutation(basket))) for basket in np.array(ids).reshape(-1, SIZE))
    return LeadLag(_panel(ids, return_ST, rng), baskets, leads_S, component_ST)


def without_leaders(drawn: LeadLag, seed: int) -> tuple[tuple[str, ...], ...]:
    """The baskets, but every leader sits in one that it does not lead."""
    ids = np.array(drawn.panel.grid.securities)
    leaders = set(ids[drawn.leads_S])
    chosen = [next(name for name in basket if name in leaders) for basket in drawn.baskets]
    turn = 1 + seed % (BASKETS - 1)
    moved = dict(zip(chosen, [*chosen[turn:], *chosen[:turn]], strict=True))
    return tuple(tuple(moved.get(name, name) for name in basket) for basket in drawn.baskets)


def with_neighbours(drawn: LeadLag) -> Panel:
    """The panel with the returns of the other members of the basket as further columns, in the order of their seats."""
    panel, place = drawn.panel, {name: row for row, name in enumerate(drawn.panel.grid.securities)}
    others_SM = np.zeros((len(place), SIZE - 1), dtype=np.intp)
    for basket in drawn.baskets:
        for name in basket:
            others_SM[place[name]] = [place[other] for other in basket if other != name]
    returns_ST = panel.x_STF[:, :, COLUMNS.index("log_return")]
    more = tuple(f"neighbour_{number}_return" for number in range(SIZE - 1))
    return replace(
        panel,
        columns=(*panel.columns, *more),
        sequence_columns=(*panel.sequence_columns, *more),
        groups=(*panel.groups, *["neighbours"] * len(more)),
        x_STF=np.concatenate([panel.x_STF, returns_ST[others_SM].transpose(0, 2, 1)], axis=2),
    )


def _panel(ids: tuple[str, ...], return_ST: NDArray[np.float64], rng: np.random.Generator) -> Panel:
    names, sessions = return_ST.shape
    x_STF = (DAILY * rng.standard_normal((names, sessions, len(COLUMNS)))).astype(np.float32)
    x_STF[:, :, COLUMNS.index("log_return")] = return_ST
    label_ST = np.full(return_ST.shape, np.nan, dtype=np.float32)
    label_ST[:, :-SETTLES] = return_ST[:, SETTLES:]
    segment_ST = np.zeros(return_ST.shape, dtype=np.int8)
    start = BEFORE
    for segment, length in ((TRAIN, TRAINED), (VALID, VALIDATED), (TEST, TESTED)):
        segment_ST[:, start : start + length] = segment
        start += length + SETTLES
    days = tuple(date(2010, 1, 1) + timedelta(days=number) for number in range(sessions))
    everyone_ST = np.ones(label_ST.shape, dtype=bool)
    return Panel(
        grid=Grid(days, ids),
        columns=COLUMNS,
        sequence_columns=COLUMNS,
        groups=("price_window",) * len(COLUMNS),
        x_STF=x_STF,
        label_ST=label_ST,
        target_ST=targets(label_ST, everyone_ST, segment_ST),
        member_ST=everyone_ST,
        segment_ST=segment_ST,
    )
