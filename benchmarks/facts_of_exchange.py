"""Facts of the exchange: what price limits, suspensions, ex-days and the size of a cent leave in the bars.

Measured on counted rows (see `market_sample`) unless a fact says otherwise.
"""
# T sessions, S securities

from __future__ import annotations

import numpy as np

from benchmarks.market_sample import HALF_A_CENT, Sample
from benchmarks.moments import Bools, Floats, mean, middle, share, spread

YEAR = 243
"""Sessions of a year."""


def limit_up_closes(market: Sample) -> float:
    """Share of rows that close at their upper limit."""
    return share(market.closes_up, market.counted)


def limit_down_closes(market: Sample) -> float:
    """Share of rows that close at their lower limit."""
    return share(market.closes_down, market.counted)


def limit_up_held(market: Sample) -> float:
    """Share of rows that trade at their upper limit and also close there."""
    touched = market.prices["high"] > market.prices["limit_up"] - HALF_A_CENT
    return share(market.closes_up, touched)


def limit_down_held(market: Sample) -> float:
    """Share of rows that trade at their lower limit and also close there."""
    touched = market.prices["low"] < market.prices["limit_down"] + HALF_A_CENT
    return share(market.closes_down, touched)


def locked_up(market: Sample) -> float:
    """Share of rows with every trade at the upper limit."""
    return share(market.flags["is_locked_up"], market.counted)


def locked_down(market: Sample) -> float:
    """Share of rows with every trade at the lower limit."""
    return share(market.flags["is_locked_down"], market.counted)


def locked_again(market: Sample) -> float:
    """Share of sessions locked up that follow on another such session of the security: how long runs are."""
    locked = market.flags["is_locked_up"] & market.counted
    return share(locked[:-1], locked[1:])


def limit_up_again(market: Sample) -> float:
    """Share of closes at the upper limit after which the next session closes there as well."""
    return share(market.closes_up[1:], market.closes_up[:-1] & market.counted[1:])


def limit_down_again(market: Sample) -> float:
    """Share of closes at the lower limit after which the next session closes there as well."""
    return share(market.closes_down[1:], market.closes_down[:-1] & market.counted[1:])


def limit_up_opening(market: Sample) -> float:
    """Mean log gap of the next open over its reference after a close at the upper limit."""
    gap = np.where(market.closes_up[:-1], market.overnight[1:], np.nan)
    return float(mean(gap.ravel()))


def limit_down_crowding(market: Sample) -> float:
    """Share of the closes at the lower limit that fall in the 1% of sessions with most of them."""
    return _crowding(market.closes_down)


def limit_up_crowding(market: Sample) -> float:
    """Share of the closes at the upper limit that fall in the 1% of sessions with most of them."""
    return _crowding(market.closes_up)


def suspended_rows(market: Sample) -> float:
    """Share of all rows that are suspended."""
    return share(market.flags["is_suspended"], market.listed)


def suspension_mean(market: Sample) -> float:
    """Mean length of a suspension that ends within the sample, sessions."""
    return float(mean(_suspensions(market)))


def suspension_median(market: Sample) -> float:
    """Median length of a suspension that ends within the sample, sessions."""
    return middle(_suspensions(market))


def resumption_move(market: Sample) -> float:
    """Mean size of the return of the first session after a suspension to that of all sessions."""
    resumed = market.flags["is_suspended"][:-1] & market.counted[1:]
    size = np.abs(market.returns)
    return float(mean(size[1:][resumed]) / mean(size.ravel()))


def st_rows(market: Sample) -> float:
    """Share of all rows under special treatment."""
    return share(market.flags["is_st"], market.listed)


def ex_days(market: Sample) -> float:
    """Ex-days per security and year of 243 listed sessions."""
    return share(_is_ex(market), market.listed) * YEAR


def ex_yield(market: Sample) -> float:
    """Median log step from the last close to the reference price of an ex-day."""
    return middle(_ex_step(market))


def ex_large(market: Sample) -> float:
    """Share of ex-days on which more than a tenth of the price goes off: bonus shares and rights."""
    steps = _ex_step(market)
    return float(np.mean(steps > -np.log(0.9))) if len(steps) else float("nan")


def unchanged_closes(market: Sample) -> float:
    """Share of rows whose close is the reference price to the cent: how coarse a cent is."""
    unchanged = np.abs(market.prices["close"] - market.reference) < HALF_A_CENT
    return share(unchanged, market.counted)


def price_level(market: Sample) -> float:
    """Median close, yuan."""
    return middle(market.prices["close"].ravel())


def price_across(market: Sample) -> float:
    """Standard deviation across securities of the mean log close."""
    return spread(mean(np.log(market.prices["close"])))


def _crowding(events: Bools) -> float:
    by_session = np.sort(events.sum(axis=1))[::-1]
    total = by_session.sum()
    return float(by_session[: max(1, round(len(by_session) / 100))].sum() / total) if total else float("nan")


def _suspensions(market: Sample) -> Floats:
    """Lengths of the suspensions before and after which the security has a row that is not suspended, sessions."""
    suspended = market.flags["is_suspended"].T
    step = np.diff(np.pad(suspended, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    (name, first), (_, after) = np.nonzero(step == 1), np.nonzero(step == -1)
    listed = np.pad(market.listed.T, ((0, 0), (1, 1)))
    return np.asarray(after - first, dtype=np.float64)[listed[name, first] & listed[name, after + 1]]


def _is_ex(market: Sample) -> Bools:
    return np.asarray(market.reference < market.last_close - HALF_A_CENT)


def _ex_step(market: Sample) -> Floats:
    """Log steps of all ex-days, flat."""
    is_ex = _is_ex(market)
    return np.asarray(np.log(market.last_close[is_ex] / market.reference[is_ex]))


FACTS = (
    limit_up_closes,
    limit_down_closes,
    limit_up_held,
    limit_down_held,
    locked_up,
    locked_down,
    locked_again,
    limit_up_again,
    limit_down_again,
    limit_up_opening,
    limit_down_crowding,
    limit_up_crowding,
    suspended_rows,
    suspension_mean,
    suspension_median,
    resumption_move,
    st_rows,
    ex_days,
    ex_yield,
    ex_large,
    unchanged_closes,
    price_level,
    price_across,
)
