"""Market path: closes from session to session, with rights that go off, price limits, and the signal's states.

What a price limit cuts off a close is carried into the next session's opening gap, so it is over before a VWAP at which
anyone could have bought. Behind the printed cents stands an unrounded price, so ticks do not add up.
"""
# C components, T sessions, S securities

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from assets.sources.market_events import Events
from assets.sources.market_noise import Floats, Noise
from assets.sources.market_signal import Component

Whole = NDArray[np.int64]

LOWEST_PRICE = 0.1
"""Yuan; a price falls no further."""
BONUS_FROM = 30.0
"""Yuan; cheaper securities issue no bonus shares."""
INSIDE = 0.95
"""Share of a price limit within which moves stay in a market without limits."""


@dataclass(frozen=True)
class Signal:
    """The planted components, and a premium that never changes, [S] in log return a session."""

    components: Sequence[Component]
    spike_probability: float
    premium_S: Floats


@dataclass(frozen=True)
class Path:
    """The path of every security, [T, S] each."""

    prev_close_TS: Whole  # printed reference price, cents
    limit_down_TS: Whole  # cents
    limit_up_TS: Whole
    base_TS: Floats  # unrounded price before the session after rights went off, yuan
    gap_TS: Floats  # log return carried over, and the jump, both before the open
    log_return_TS: Floats  # of the session beyond the gap, as if there were no limits
    close_TS: Floats  # unrounded, yuan
    adj_factor_TS: Floats
    growth_TS: Floats  # shares now per share at the start
    state_CTS: Floats  # of each component after the session


@dataclass
class Book:
    """What one session hands to the next, [S] each."""

    close: Whole  # printed, cents
    price: Floats  # unrounded, yuan
    carry: Floats  # log return that a limit cut off
    adj_factor: Floats
    growth: Floats


def walk(price_S: Floats, noise: Noise, events: Events, signal: Signal, *, has_limits: bool) -> Path:
    """Walk through every session in turn.

    price_S     unrounded prices before the first session, yuan
    has_limits  True: a limit cuts returns and the rest is carried over. False: moves stay inside 95% of the limits and
                the rest is dropped, so that no limit is ever reached and no security is ever locked
    """
    shape = events.is_listed_TS.shape
    zero, one = np.zeros(shape[1]), np.ones(shape[1])
    book = Book(np.rint(price_S * 100).astype(np.int64), price_S, zero, one, one)
    path = _blank(shape, len(signal.components))
    loadings = [c.loadings(noise.is_spike_TS, signal.spike_probability) for c in signal.components]
    states = [zero for _ in signal.components]
    for t in range(shape[0]):
        known = noise.common_TS[t] + signal.premium_S
        for component, state in zip(signal.components, states, strict=True):
            known = known + component.daily_ic * noise.scale_S * state
        path.log_return_TS[t] = known + noise.own_TS[t]
        trades = events.is_listed_TS[t] & ~events.is_suspended_TS[t]
        _go_ex(t, book, path, events, trades)
        moved = _close(t, book, path, noise.jump_TS[t], events.limit_percent_TS[t], trades, has_limits)
        surprise = np.where(trades, (moved - known) / (noise.scale_S * noise.volatility_T[t]), 0.0)
        for c, component in enumerate(signal.components):
            path.state_CTS[c, t] = states[c] = component.advance(states[c], loadings[c][t], surprise)
    return path


def _blank(shape: tuple[int, ...], components: int) -> Path:
    """A path of zeros to be filled in."""
    prev_close, down, up = np.zeros((3, *shape), np.int64)
    base, gap, log_return, close, adj_factor, growth = np.zeros((6, *shape))
    state_CTS = np.zeros((components, *shape))
    return Path(prev_close, down, up, base, gap, log_return, close, adj_factor, growth, state_CTS)


def _go_ex(t: int, book: Book, path: Path, events: Events, trades: NDArray[np.bool_]) -> None:
    """Take the rights of session t off the previous close."""
    bonus = np.where(trades & (book.price > BONUS_FROM), events.bonus_share_TS[t], 0.0)
    cash = np.rint(np.where(trades, events.dividend_yield_TS[t], 0.0) * book.close)
    reference = np.floor((book.close - cash) / (1.0 + bonus) + 0.5)
    step = book.close / reference
    book.adj_factor = book.adj_factor * step
    book.growth = book.growth * (1.0 + bonus)
    path.prev_close_TS[t] = reference
    path.base_TS[t] = book.price / step
    path.adj_factor_TS[t] = book.adj_factor
    path.growth_TS[t] = book.growth


def _close(
    t: int, book: Book, path: Path, jump: Floats, percent: Whole, trades: NDArray[np.bool_], has_limits: bool
) -> Floats:
    """Find the closes of session t within the limits and move the book on; returns the log return moved, [S]."""
    prev_close, base = path.prev_close_TS[t], path.base_TS[t]
    path.limit_up_TS[t] = (prev_close * (100 + percent) + 50) // 100
    path.limit_down_TS[t] = (prev_close * (100 - percent) + 50) // 100
    lower, upper = bounds(path, t, has_limits)
    path.gap_TS[t] = book.carry + jump
    wanted = base * np.exp(path.gap_TS[t] + path.log_return_TS[t])
    close = np.where(trades, wanted.clip(np.maximum(lower, LOWEST_PRICE), upper), base)
    path.close_TS[t] = close
    book.carry = np.where(trades, np.log(wanted / close), book.carry) if has_limits else book.carry
    book.close = np.where(trades, np.rint(close * 100).astype(np.int64), book.close)
    book.price = close
    return np.asarray(np.log(close / base))


def bounds(path: Path, t: int | slice, has_limits: bool) -> tuple[Floats, Floats]:
    """Lowest and highest price of a session or of several, yuan, unrounded where nothing may reach a limit."""
    lower, upper = path.limit_down_TS[t] / 100, path.limit_up_TS[t] / 100
    if has_limits:
        return lower, upper
    prev_close = path.prev_close_TS[t] / 100
    return prev_close - INSIDE * (prev_close - lower), prev_close + INSIDE * (upper - prev_close)
