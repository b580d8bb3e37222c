"""Capacity: whether the curve of return against capital is the closed form where that form is known.

Every name goes up twice and down twice by the same share, a quarter of them in each phase, so that no return foretells
the next, and those that are chosen drift up beside it. So the deviation of each name over 20 sessions, its usual volume
and the return of the choice are known without an estimate, and square-root impact costs c sqrt(A) a session, with
nothing else to pay: net(A) = a - c sqrt(A), A the capital at the start. All chosen names are bought in each session and
sold in the next.

Asked for: at most 5% between the curve and the form, at each capital where the form is at least a tenth of a, and of
the capital at which nothing is left, (a / c)^2.
"""
# T sessions, S securities

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass

import numpy as np
import polars as pl

from assets.evaluation.capacity import CAPITALS, capacity, largest_capital
from assets.evaluation.intervals import SESSIONS_PER_YEAR
from assets.evaluation.trading import TradingSpec
from benchmarks.outcome import Demand, end
from benchmarks.random_panel import weekdays

HISTORY, SESSIONS, CHOSEN, OTHERS = 30, 45, 52, 52
SWING, DRIFT = 0.02, 0.001
TRADED = 4e10  # yuan a session and name
IMPACT = 0.7
DEMANDS = (Demand("worst_relative_error", 0.05, at_least=False),)


@dataclass(frozen=True)
class Form:
    """net(A) = a - c sqrt(A), a session."""

    a: float
    c: float

    def at(self, capital: float) -> float:
        """Net excess return of a session."""
        return self.a - self.c * float(np.sqrt(capital))


def main() -> int:
    """Trade the known market at each capital and compare."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    curve, form = measured(), closed_form()
    found = curve["excess_return_annual"].to_numpy() / SESSIONS_PER_YEAR
    expected = np.array([form.at(capital) for capital in CAPITALS])
    for capital, is_so, should in zip(CAPITALS, found, expected, strict=True):
        print(f"{capital:16,.0f} yuan: {is_so:+.6f} a session, closed form {should:+.6f}")
    told = np.abs(expected) >= form.a / 10
    apart = np.abs(found - expected)[told] / np.abs(expected)[told]
    nothing_left = largest_capital(curve, 0.0)
    worst = max(float(apart.max()), abs(nothing_left / (form.a / form.c) ** 2 - 1))
    figures = {
        "worst_relative_error": round(worst, 4),
        "nothing_left_at": {"found": round(nothing_left / 1e9, 3), "form": round((form.a / form.c) ** 2 / 1e9, 3)},
        "capitals": int(told.sum()),
    }
    return end(figures, DEMANDS)


def measured() -> pl.DataFrame:
    """The curve of the known market."""
    bars = known_market()
    first = bars["session"].unique().sort()[HISTORY]
    universe = bars.select("session", "security_id", is_member=pl.lit(True))
    told = bars.filter(pl.col("session").is_between(first, bars["session"].max(), closed="left"))
    told = told.select("session", "security_id", forecast=(pl.col("security_id") < f"sz{CHOSEN:06d}").cast(pl.Float64))
    spec = TradingSpec(top_k=CHOSEN, hold_sessions=1, participation=None, impact=IMPACT, fees="none")
    return capacity(told, bars, universe, spec)


def known_market() -> pl.DataFrame:
    """Bars of names that swing between two levels, the first of them with a drift."""
    sessions, securities = weekdays(HISTORY + SESSIONS), CHOSEN + OTHERS
    place_T, number_S = np.arange(len(sessions)), np.arange(securities)
    drift_S = np.where(number_S < CHOSEN, DRIFT, 0.0)
    begins_S = 15 + 10 * (number_S % 17) / 17
    steps_TS = np.array([0, 1, 2, 1])[(place_T[:, None] + number_S[None, :]) % 4]
    price_TS = begins_S * (1 + drift_S) ** place_T[:, None] * (1 + SWING) ** steps_TS
    long = pl.DataFrame({"session": sessions}).join(
        pl.DataFrame({"security_id": [f"sz{number:06d}" for number in number_S]}), how="cross"
    )
    price = pl.Series(price_TS.reshape(-1))
    flags = dict.fromkeys(("is_suspended", "is_locked_up", "is_locked_down"), pl.lit(False))
    return long.with_columns(
        **dict.fromkeys(("open", "close", "vwap"), price),
        high=price * 1.1,
        low=price / 1.1,
        volume=TRADED / price,
        adj_factor=pl.lit(1.0),
        board=pl.lit("main"),
        limit_up=pl.lit(None, pl.Float64),
        limit_down=pl.lit(None, pl.Float64),
        **flags,
    )


def closed_form() -> Form:
    """The form of the known market, from its settings alone."""
    up, down = (1 + SWING) * (1 + DRIFT) - 1, (1 + DRIFT) / (1 + SWING) - 1
    chosen = (up + down) / 2
    others = (SWING + 1 / (1 + SWING) - 1) / 2
    weight = CHOSEN / (CHOSEN + OTHERS)
    deviation = (up - down) / 2 * np.sqrt(20 / 19)
    each_way = IMPACT * deviation * np.sqrt(1 / CHOSEN / TRADED)
    return Form(a=(1 - weight) * (chosen - others), c=float(2 * each_way))


if __name__ == "__main__":
    sys.exit(main())
