"""Fluctuation: what the exchanges themselves call abnormal trading, by their criteria and the dated thresholds.

A deviation is the return of a name less that of its benchmark in the session. The exchanges start a new count after
each announcement and after a resumption; here every session is judged by the sessions up to it, so that a flag may
stay on where the exchange would have announced once.
"""
# S securities, T sessions

from __future__ import annotations

import numpy as np

from assets.cleaning.rules.benchmark import NAME
from assets.cleaning.rules.fluctuation_limits import limits
from assets.cleaning.rules.market import Flags, Market, Wide
from assets.cleaning.rules.rule import Found, Mark
from assets.cleaning.rules.windows import earlier, log_return, mean, total

THREE, FIVE, TEN, THIRTY = 3, 5, 10, 30
ROUNDING = 1e-9


def abnormal_fluctuation(market: Market) -> Found:
    """Deviations that add up, within three sessions, to the limit of the board in either direction.

    Sessions of a new listing without a limit do not count, nor do sessions without trading.
    """
    sum_ST = _strongest(_deviation(market))
    rises_ST = sum_ST >= _limit(market, "deviation_3d_high") - ROUNDING
    falls_ST = sum_ST <= _limit(market, "deviation_3d_low") + ROUNDING
    return Found((rises_ST | falls_ST) & market.traded, _against("deviation of {} within three sessions"), sum_ST)


def severe_fluctuation(market: Market) -> Found:
    """Ten or thirty sessions whose return lies above or below the benchmark's by the limit of severe fluctuation.

    The exchanges have had that notion since 2019 to 2023, by board; earlier sessions are judged by its first limits.

    Returns of a period are compounded, as the exchanges do for the longer periods. Value: the deviation of ten
    sessions where that is over its limit, else that of thirty.
    """
    ten_ST, thirty_ST = _period_deviation(market, TEN), _period_deviation(market, THIRTY)
    in_ten_ST = _outside(market, ten_ST, "deviation_10d")
    in_thirty_ST = _outside(market, thirty_ST, "deviation_30d")
    value_ST = np.where(in_ten_ST, ten_ST, thirty_ST)
    where_ST = (in_ten_ST | in_thirty_ST) & market.traded
    return Found(where_ST, _against("deviation of {} in ten or thirty sessions"), value_ST)


def repeated_fluctuation(market: Market) -> Found:
    """Four abnormal fluctuations in one direction within ten sessions (three on some boards), which count as severe.

    Within the ten sessions the count starts anew after each, as the exchanges' does.
    """
    high_ST, low_ST = _limit(market, "deviation_3d_high"), _limit(market, "deviation_3d_low")
    risen_ST, fallen_ST = _repeats(_deviation(market), high_ST, low_ST)
    most_ST = np.maximum(risen_ST, fallen_ST)
    where_ST = (most_ST >= _limit(market, "same_direction_10d")) & market.traded
    return Found(where_ST, _against("{} abnormal fluctuations in one direction in ten sessions"), most_ST)


def abnormal_turnover(market: Market) -> Found:
    """Mean turnover of three sessions at 30 times that of the five before, and a fifth of all shares traded in them.

    Without a reported number of the shares that can be traded it cannot be judged, and nothing is flagged.
    """
    turnover_ST = market.turnover
    recent_ST = mean(turnover_ST, THREE, THREE)
    multiple_ST = recent_ST / earlier(mean(turnover_ST, FIVE, FIVE), THREE)
    is_much_ST = THREE * recent_ST >= _limit(market, "turnover_3d")
    where_ST = (multiple_ST >= _limit(market, "turnover_multiple")) & is_much_ST
    return Found(where_ST, "turnover of three sessions at {} times that of the five before", multiple_ST)


def _deviation(market: Market) -> Wide:
    """Return less benchmark in sessions with a price limit, NaN elsewhere."""
    deviation_ST = market.returns - market.benchmark_ST
    return np.where(np.isfinite(market.numbers["limit_up"]), deviation_ST, np.nan)


def _outside(market: Market, deviation_ST: Wide, rule: str) -> Flags:
    outside_ST: Flags = deviation_ST >= _limit(market, f"{rule}_high")
    return outside_ST | (deviation_ST <= _limit(market, f"{rule}_low"))


def _strongest(deviation_ST: Wide) -> Wide:
    """The sum of the last one, two or three deviations that lies furthest from 0."""
    strongest_ST = total(deviation_ST, 1)
    for sessions in (2, THREE):
        sum_ST = total(deviation_ST, sessions)
        strongest_ST = np.where(np.abs(sum_ST) > np.abs(strongest_ST), sum_ST, strongest_ST)
    return strongest_ST


def _period_deviation(market: Market, sessions: int) -> Wide:
    """Compounded return less compounded benchmark over `sessions`; a session without trading leaves the price."""
    counted_ST = np.isfinite(_deviation(market))
    own_ST = np.where(counted_ST, log_return(market.returns), np.nan)
    benchmark_ST = log_return(market.benchmark_ST)
    return np.expm1(total(own_ST, sessions)) - np.expm1(total(benchmark_ST, sessions))


def _repeats(deviation_ST: Wide, high_ST: Wide, low_ST: Wide) -> tuple[Wide, Wide]:
    """Abnormal rises and falls within the ten sessions up to each, [S, T], with a new count after each of either."""
    width = deviation_ST.shape[1]
    filled_ST = np.nan_to_num(deviation_ST)
    risen_ST, fallen_ST, last_ST, second_ST = (np.zeros_like(filled_ST) for _ in range(4))
    for lag in range(min(TEN, width) - 1, -1, -1):
        begun = slice(0, width - lag)
        now_ST = filled_ST[:, begun]
        last, second = last_ST[:, lag:], second_ST[:, lag:]
        sum_ST = now_ST + last + second
        rises_ST, falls_ST = sum_ST >= high_ST[:, begun] - ROUNDING, sum_ST <= low_ST[:, begun] + ROUNDING
        risen_ST[:, lag:] += rises_ST
        fallen_ST[:, lag:] += falls_ST
        again_ST: Flags = rises_ST | falls_ST
        second[:] = np.where(again_ST, 0.0, last)
        last[:] = np.where(again_ST, 0.0, now_ST)
    return risen_ST, fallen_ST


def _limit(market: Market, column: str) -> Wide:
    return limits(column, market.board_ST, market.flags["is_st"], market.grid.sessions)


def _against(sentence: str) -> str:
    return f"{sentence}, against {NAME}"


ABNORMAL_FLUCTUATION = Mark("abnormal_fluctuation", "flagged", abnormal_fluctuation, THREE, "2026-11-22")
SEVERE_FLUCTUATION = Mark("severe_fluctuation", "flagged", severe_fluctuation, THIRTY, "2026-11-22")
REPEATED_FLUCTUATION = Mark("repeated_fluctuation", "flagged", repeated_fluctuation, TEN, "2026-11-22")
ABNORMAL_TURNOVER = Mark("abnormal_turnover", "flagged", abnormal_turnover, THREE + FIVE, "2026-11-22")
