"""Shortfall: each friction is charged for what it takes, in a market where what it takes is known."""

from datetime import date, timedelta

import polars as pl
import pytest

from assets.evaluation.portfolio import simulate
from assets.evaluation.shortfall import CAUSES
from assets.evaluation.trading import TradingSpec

FIRST = date(2018, 1, 1)
PLAIN = {"top_k": 1, "hold_sessions": 1, "capital": 100_000, "fees": "none", "participation": None, "impact": 0.0}


def lost(prices: list[float], marks: dict[int, str] | None = None, volume: float = 1e9, **setting) -> dict[str, float]:
    """Sums of the causes for one name that is forecast after the first session alone."""
    rows = []
    for name in ("a", "keeper"):
        for number, price in enumerate(prices):
            mark = (marks or {}).get(number) if name == "a" else None
            shown = None if mark == "suspended" else price
            row = {"session": FIRST + timedelta(number), "security_id": name, "board": "main", "adj_factor": 1.0}
            row |= dict.fromkeys(("open", "high", "low", "close", "vwap"), shown)
            row |= {f"is_{flag}": mark == flag for flag in ("suspended", "locked_up", "locked_down")}
            rows.append(row | {"volume": volume, "limit_up": None, "limit_down": None})
    bars = pl.DataFrame(rows, infer_schema_length=None).cast({"limit_up": pl.Float64, "limit_down": pl.Float64})
    first = (pl.col("session") == FIRST) & (pl.col("security_id") == "a")
    universe = bars.select("session", "security_id", is_member=first)
    told = bars.filter(pl.col("session") < bars["session"].max()).select("session", "security_id", forecast=pl.lit(1.0))
    found = simulate(told, bars, universe, TradingSpec(**(PLAIN | setting))).shortfall
    sums = {cause: float(found[cause].sum()) for cause in CAUSES}
    between = float((found["frictionless_return"] - found["net_return"]).sum())
    assert sum(sums.values()) == pytest.approx(between, abs=1e-12)
    return sums


def only(cause: str, amount: float) -> dict[str, float]:
    return pytest.approx({name: amount if name == cause else 0.0 for name in CAUSES}, abs=1e-9)


def test_without_frictions_nothing_is_lost():
    assert lost([10.0, 10, 11, 11]) == only("limits", 0.0)


def test_a_locked_buy_loses_what_the_name_would_have_earned():
    assert lost([10.0, 11, 12.1, 12.1], {1: "locked_up"}) == only("limits", 0.1)


def test_a_halt_at_the_sale_loses_what_the_price_falls_until_it_ends():
    found = lost([10.0, 10, 10, 9, 9], {2: "suspended"})
    assert found == only("suspensions", 0.1)


def test_lots_lose_the_return_of_the_money_that_they_leave():
    assert lost([30.0, 30, 33, 33]) == only("lots", 0.1 * (1 - 99_000 / 100_000))


def test_the_cap_loses_the_return_of_what_is_not_filled():
    assert lost([10.0, 10, 11, 11], volume=50_000, participation=0.1) == only("volume", 0.1 * 0.5)


def test_costs_are_what_is_charged():
    found = lost([10.0, 10, 10, 10], capital=100_100, fees="dated")
    assert found["costs"] == pytest.approx(27 / 100_100 + 127 / 100_073, abs=1e-6)
    assert sum(found.values()) == pytest.approx(found["costs"], abs=1e-6)
