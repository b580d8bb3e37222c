"""Manipulation: names whose trading looks like a pump and dump, told from what had happened by the session alone.

A pump is bought up on rising volume, nearly every session, until the pumpers sell to those who followed: return, volume
and volatility are high while it lasts, and the price falls back when it ends (Aggarwal and Wu 2006, Stock Market
Manipulations, Journal of Business 79; Allen and Gale 1992, Stock-Price Manipulation, Review of Financial Studies 5).
An abnormal price together with an abnormal volume, each against the name's own recent past, is what detectors look for
(Kamps and Kleinberg 2018, To the Moon: Defining and Detecting Cryptocurrency Pump-and-Dumps, Crime Science 7).
It is a suspicion: news that is worth the rise looks alike until the reversal fails to come.
"""
# S securities, T sessions

from __future__ import annotations

import numpy as np

from assets.cleaning.rules.market import Flags, Market, Wide
from assets.cleaning.rules.rule import Found, Mark
from assets.cleaning.rules.windows import count, earlier, earlier_flags, highest, log_return, mean, total

RUN, RECENT, USUAL, AFTER = 20, 5, 60, 10
RISE = float(np.log(1.4))
ONE_SIDED_OVER, ONE_SIDED = 10, 8
VOLUME_MULTIPLE, STILL_BUSY = 3.0, 1.5
LEAST_TURNOVER = 0.03
FALL_BACK = float(np.log(0.85))


def manipulation(market: Market) -> Found:
    """Sessions of a suspected pump, and those of a fall back from one.

    Pump: 40% above the benchmark in 20 sessions, up in 8 of the last 10 trading sessions, mean volume of 5 sessions at
    3 times that of the 60 before and, where the shares that can be traded are known, at least 3% of them a session.
    Dump: within 10 sessions of a pump, 15% below the highest close of 20 sessions and volume still at 1.5 times the
    usual. Value: return over the benchmark in 20 sessions.
    """
    excess_ST = _excess(market)
    multiple_ST = _volume_multiple(market)
    pump_ST = (total(excess_ST, RUN) >= RISE) & (multiple_ST >= VOLUME_MULTIPLE) & _one_sided(market)
    pump_ST &= ~(mean(market.turnover, RECENT, 1) < LEAST_TURNOVER)
    log_close_ST = np.log(market.numbers["close"] * market.numbers["adj_factor"])
    after_ST = earlier_flags(count(pump_ST, AFTER) > 0, 1)
    fallen_ST = log_close_ST - highest(log_close_ST, RUN) <= FALL_BACK
    dump_ST = after_ST & fallen_ST & (multiple_ST >= STILL_BUSY)
    where_ST: Flags = (pump_ST | dump_ST) & market.traded
    return Found(
        where_ST,
        "suspected pump or the fall back from one; return over the benchmark in 20 sessions {}",
        np.expm1(total(excess_ST, RUN)),
    )


def _excess(market: Market) -> Wide:
    """Log return over that of the benchmark."""
    return log_return(market.returns) - log_return(market.benchmark_ST)


def _volume_multiple(market: Market) -> Wide:
    """Mean volume of 5 sessions, at least 3 traded, over that of the 60 before, at least 30 traded."""
    return mean(market.shares, RECENT, 3) / earlier(mean(market.shares, USUAL, USUAL // 2), RECENT)


def _one_sided(market: Market) -> Flags:
    """Up in at least 8 of the last 10 sessions."""
    one_sided_ST: Flags = count(market.returns > 0, ONE_SIDED_OVER) >= ONE_SIDED
    return one_sided_ST


MANIPULATION = Mark("manipulation", "masked", manipulation, AFTER + RECENT + USUAL, "2026-11-22")
