"""Market path: what is printed from session to session, with rights that go off and price limits.

Behind the printed prices stands what the market thinks a security is worth, which knows no ticks, no limits and no
suspensions. A session that opens at a limit and whose VWAP would lie at or beyond it is locked there; else a VWAP
beyond a limit is printed at it. What a limit or a suspension kept from the price is over at the next open within the
limits, and what a limit does to a VWAP is in the truth; ticks are not in VWAPs and do not add up.
"""
# T sessions, S securities

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from assets.sources.embedded.events import Events
from assets.sources.embedded.streams import Bools, Floats, Singles, Whole

BONUS_FROM = 12.0
"""Yuan; cheaper securities issue no bonus shares."""
MERGED_BELOW = 2.0
"""Yuan; five shares of a cheaper security become one in the season of rights."""
MERGED = -0.8
FINE_TICK = 0.0001
"""Yuan; in a market without limits."""
FURTHEST = 0.095
"""How far high and low may lie from the reference in a market without limits, as a share of it."""
NEAREST = 0.0905
"""The same for a security so cheap that a tenth, which an exchange rounds to cents, may be less."""
HALF_A_CENT = 0.005
DRAWN = 0.01
"""A price that ends so near a limit, as a share of it, is drawn to it; what it is worth stays as it was."""
INSIDE = 0.09
"""In a market without limits no worth moves further from the reference, so that no rule of an exchange is touched."""


@dataclass(frozen=True)
class Path:
    """What every security printed, [T, S] each; prices in ticks."""

    tick: float  # yuan
    prev_close_TS: Whole  # reference price after rights
    limit_down_TS: Whole
    limit_up_TS: Whole
    open_TS: Whole
    vwap_TS: Floats  # yuan
    close_TS: Whole
    locked_TS: Bools
    gap_TS: Singles  # log of what the security is worth over its printed close
    adj_factor_TS: Floats
    growth_TS: Floats  # shares now per share at the start


def walk(
    price_S: Floats, parts: list[Singles], events: Events, trades_TS: Bools, *, has_limits: bool, splits: bool
) -> Path:
    """Walk through every session in turn.

    price_S     worth before the first session, yuan
    parts       log return of the worth up to the open, from there to the VWAP, from there to the close, [T, S]
    trades_TS   listed and not suspended
    has_limits  False: no limits, prices in hundredths of a cent, each session's moves cut at 9%, and a suspended
                security is worth what it was, so that nothing is ever carried over
    """
    tick = 0.01 if has_limits else FINE_TICK
    path = _blank(trades_TS.shape, tick)
    worth_S = np.array(price_S, np.float64)
    close_S = np.rint(worth_S * np.exp(-events.issue_discount_S) / tick).astype(np.int64)
    factor_S, growth_S = np.ones((2, len(worth_S)))
    for t, trades_S in enumerate(trades_TS):
        reference_S = close_S
        if t in events.dividend_yield:
            bonus_S, cash_S = _rights(t, events, np.asarray(close_S * tick, np.float64), trades_S, splits)
            reference_S = np.floor((close_S * (1.0 - cash_S)) / (1.0 + bonus_S) + 0.5).astype(np.int64).clip(1)
            step_S = close_S / reference_S
            worth_S, factor_S, growth_S = worth_S / step_S, factor_S * step_S, growth_S * (1.0 + bonus_S)
        moves = [part[t].astype(np.float64) for part in parts]
        moves = moves if has_limits else _inside(moves)
        opened_S = worth_S * np.exp(moves[0])
        vwap_S = opened_S * np.exp(moves[1])
        worth_S = np.where(trades_S | has_limits, vwap_S * np.exp(moves[2]), worth_S)
        limits = _limits(t, reference_S, events, has_limits)
        printed = _printed(opened_S, vwap_S, worth_S, limits, tick, DRAWN if has_limits else 0.0)
        close_S = np.where(trades_S, printed[2], reference_S)
        path.prev_close_TS[t], path.adj_factor_TS[t], path.growth_TS[t] = reference_S, factor_S, growth_S
        path.limit_down_TS[t], path.limit_up_TS[t] = limits
        path.gap_TS[t] = np.log(worth_S / (close_S * tick))
        path.open_TS[t], path.vwap_TS[t], path.close_TS[t], path.locked_TS[t] = printed
    return path


def _blank(shape: tuple[int, ...], tick: float) -> Path:
    """A path to be filled in."""
    prices = [np.empty(shape, np.int64) for _ in range(5)]
    prev_close, down, up, opened, close = prices
    gap = np.empty(shape, np.float32)
    vwap, factor, growth = (np.empty(shape) for _ in range(3))
    return Path(tick, prev_close, down, up, opened, vwap, close, np.empty(shape, bool), gap, factor, growth)


def _rights(t: int, events: Events, price_S: Floats, trades_S: Bools, splits: bool) -> tuple[Floats, Floats]:
    """New shares per old one and cash as a share of the price that go off in session t, [S] each."""
    drawn_S = events.bonus_shares[t]
    bonus_S = np.where(price_S > BONUS_FROM, drawn_S, 0.0)
    is_season_end = t + 1 not in events.dividend_yield
    bonus_S = np.where(is_season_end & splits & (price_S < MERGED_BELOW), MERGED, bonus_S)
    return np.where(trades_S, bonus_S, 0.0), np.where(trades_S, events.dividend_yield[t], 0.0)


def _inside(moves: list[Floats]) -> list[Floats]:
    """Moves cut so that no price of the session lies further than 9% from its reference."""
    highest = np.log1p(INSIDE)
    reached = [np.clip(moves[0], -highest, highest)]
    for move in moves[1:]:
        reached.append(np.clip(reached[-1] + move, -highest, highest))
    return [reached[0], reached[1] - reached[0], reached[2] - reached[1]]


def _limits(t: int, reference_S: Whole, events: Events, has_limits: bool) -> tuple[Whole, Whole]:
    """Lower and upper limit in ticks, halves rounded up, at least one tick away, [S] each."""
    if not has_limits:
        tenth_S = 0.1 - HALF_A_CENT / (reference_S * FINE_TICK)
        reach_S = np.floor(np.clip(tenth_S, NEAREST, FURTHEST) * reference_S).astype(np.int64)
        return reference_S - reach_S, reference_S + reach_S
    up_S = (reference_S * (100 + events.percent_up_TS[t]) + 50) // 100
    down_S = (reference_S * (100 - events.percent_down_TS[t]) + 50) // 100
    return np.maximum(np.minimum(down_S, reference_S - 1), 1), np.maximum(up_S, reference_S + 1)


def _printed(
    opened_S: Floats, vwap_S: Floats, worth_S: Floats, limits: tuple[Whole, Whole], tick: float, drawn: float
) -> tuple[Whole, Floats, Whole, Bools]:
    """Open and close in ticks, VWAP in yuan, and whether the session was locked, [S] each."""
    lower_S, upper_S = limits
    first_S = np.rint(opened_S / tick).clip(lower_S, upper_S).astype(np.int64)
    drawn_S = np.where(worth_S >= upper_S * tick * (1 - drawn), upper_S, np.rint(worth_S / tick))
    drawn_S = np.where(worth_S <= lower_S * tick * (1 + drawn), lower_S, drawn_S)
    last_S = drawn_S.clip(lower_S, upper_S).astype(np.int64)
    is_up_S = (first_S == upper_S) & (vwap_S >= upper_S * tick)
    is_down_S = (first_S == lower_S) & (vwap_S <= lower_S * tick)
    last_S = np.where(is_up_S, upper_S, np.where(is_down_S, lower_S, last_S))
    return first_S, vwap_S.clip(lower_S * tick, upper_S * tick), last_S, is_up_S | is_down_S
