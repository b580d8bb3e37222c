"""Facts of sessions: how much is traded, and how far prices move within a session.

Measured on counted rows (see `market_sample`). A figure of securities is the median over those with at least 60 values.
Amounts are in yuan, so that bonus shares do not move them.
"""
# T sessions, S securities

from __future__ import annotations

import numpy as np

from benchmarks.market_sample import Sample
from benchmarks.moments import Floats, autocorrelation, correlation, deviation, mean, middle, moment, quantile, spread


def volume_persistence_1(market: Sample) -> float:
    """Autocorrelation of a security's log amount traded after 1 session."""
    return middle(autocorrelation(_log_amount(market), 1))


def volume_persistence_20(market: Sample) -> float:
    """Autocorrelation of a security's log amount traded after 20 sessions."""
    return middle(autocorrelation(_log_amount(market), 20))


def volume_within(market: Sample) -> float:
    """Standard deviation over time of a security's log amount traded."""
    return middle(deviation(_log_amount(market)))


def volume_across(market: Sample) -> float:
    """Standard deviation across securities of the mean log amount traded."""
    return spread(mean(_log_amount(market)))


def volume_change(market: Sample) -> float:
    """Standard deviation of the change of a security's log amount from one session to the next."""
    return middle(deviation(np.diff(_log_amount(market), axis=0)))


def volume_in_common(market: Sample) -> float:
    """Share of the variance of changes of log amount that is common: variance of the mean change to mean variance."""
    change = np.diff(_log_amount(market), axis=0)
    common = moment(mean(change, axis=1)[:, None], 2)[0]
    return float(common / mean(moment(change, 2)))


def volume_and_move(market: Sample) -> float:
    """Correlation of a security's log amount with the size of its return."""
    return middle(correlation(_log_amount(market), np.abs(market.returns)))


def day_range(market: Sample) -> float:
    """Mean log of high over low."""
    return float(mean(_range(market).ravel()))


def range_to_move(market: Sample) -> float:
    """Mean log of high over low to the mean size of the return."""
    return float(mean(_range(market).ravel()) / mean(np.abs(market.returns).ravel()))


def range_persistence(market: Sample) -> float:
    """Autocorrelation of a security's log of high over low after 1 session."""
    return middle(autocorrelation(_range(market), 1))


def range_narrow(market: Sample) -> float:
    """Log of high over low that one session in twenty stays below, to the median one."""
    return _range_to_median(market, 0.05)


def range_wide(market: Sample) -> float:
    """Log of high over low that one session in twenty goes beyond, to the median one."""
    return _range_to_median(market, 0.95)


def overnight_share(market: Sample) -> float:
    """Variance of the log gap from the reference price to the open, to that of the return."""
    return middle(moment(market.overnight, 2) / moment(market.returns, 2))


def close_to_vwap(market: Sample) -> float:
    """Variance of the log of close over VWAP to that of the return."""
    apart = np.log(market.prices["close"] / market.prices["vwap"])
    return middle(moment(apart, 2) / moment(market.returns, 2))


def _log_amount(market: Sample) -> Floats:
    return np.asarray(np.log(market.prices["amount"]))


def _range(market: Sample) -> Floats:
    return np.asarray(np.log(market.prices["high"] / market.prices["low"]))


def _range_to_median(market: Sample, probability: float) -> float:
    width = _range(market)
    return quantile(width / middle(width), probability)


FACTS = (
    volume_persistence_1,
    volume_persistence_20,
    volume_within,
    volume_across,
    volume_change,
    volume_in_common,
    volume_and_move,
    day_range,
    range_to_move,
    range_persistence,
    range_narrow,
    range_wide,
    overnight_share,
    close_to_vwap,
)
