"""The list of one session: the orders of the backtest, the reasons, and what was left out."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest

from assets.cleaning.bars import bars as accepted
from assets.cleaning.calendar import calendar
from assets.evaluation.portfolio import placed
from assets.evaluation.trading import TradingSpec
from assets.serving.signals import Signals, arrived, in_words, joined, orders_after, signals
from assets.sources.synthetic_market import SyntheticMarketSpec
from expectations.tables import EXCHANGE_TIME_ZONE, RawBars

SLEEVES = TradingSpec(top_k=4, hold_sessions=3, capital=1_000_000)
DROPOUT = TradingSpec(holding="dropout", top_k=6, drop=2, capital=1_000_000)


@pytest.fixture(scope="module")
def market() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Bars, universe, and forecasts by dice of every member."""
    source = SyntheticMarketSpec(securities=40, sessions=120)
    raw = source.read(RawBars, source.first_session(), source.last_session()).lazy()
    bars = accepted(raw, calendar(raw)).collect()
    universe = bars.select("session", "security_id", is_member=~pl.col("is_suspended"))
    dice = np.random.default_rng(0)
    chosen = universe.filter("is_member").select("session", "security_id")
    return bars, universe, chosen.with_columns(forecast=pl.Series(dice.normal(size=chosen.height)))


@pytest.mark.parametrize("spec", [SLEEVES, DROPOUT])
def test_the_orders_are_those_that_the_backtest_places_when_the_next_session_is_there(market, spec):
    bars, universe, forecasts = market
    sessions = forecasts["session"].unique().sort()
    compared = 0
    for place in range(40, 60):
        session, following = sessions[place], sessions[place + 1]
        told = forecasts.filter(pl.col("session").is_between(sessions[30], session))
        listed = orders_after(session, told, bars, universe, spec)
        real = placed(told, bars.filter(pl.col("session") <= following), universe, spec)
        # A sale that failed before is told once by the backtest; an ex-date changes how many shares there are.
        new = real.filter(pl.col("session") == following).group_by("security_id", "side").agg(pl.sum("asked"))
        both = new.join(listed, on=["security_id", "side"], how="full", coalesce=True)
        factors = bars.filter(pl.col("session").is_in([session, following])).group_by("security_id")
        steady = factors.agg(pl.col("adj_factor").n_unique()).filter(pl.col("adj_factor") == 1)["security_id"]
        both = both.filter(pl.col("security_id").is_in(steady.implode()))
        assert both["asked"].to_list() == both["shares"].to_list()
        compared += both.height
    assert compared >= 75


def test_what_comes_after_the_session_changes_nothing_in_its_list(market):
    bars, universe, forecasts = market
    session = forecasts["session"].unique().sort()[50]
    later = pl.col("session") > session
    rewritten = bars.with_columns(pl.when(later).then(pl.col("close") * 2).otherwise("close").alias("close"))
    others = universe.with_columns(is_member=pl.col("is_member") & ~later)
    told = forecasts.with_columns(pl.when(later).then(-pl.col("forecast")).otherwise("forecast").alias("forecast"))
    key = ["security_id", "side"]
    assert (
        orders_after(session, told, rewritten, others, SLEEVES)
        .sort(key)
        .equals(orders_after(session, forecasts, bars, universe, SLEEVES).sort(key))
    )


def test_every_name_of_the_session_is_listed_once_a_side_with_why_it_was_left_out():
    session = date(2015, 6, 1)
    at = datetime(2015, 6, 1, 20, tzinfo=ZoneInfo(EXCHANGE_TIME_ZONE))
    forecasts = pl.DataFrame(
        {
            "session": session, "security_id": ["a", "b"] * 2, "seed": [0, 0, 1, 1], "segment": "test", "fold": "f",
            "forecast": [1.0, 2.0, 3.0, 4.0], "noise_scale": [0.3, 0.4] * 2, "probability": None,
            "probability_std": None, "decided_at": at,
        }, schema_overrides={"probability": pl.Float64, "probability_std": pl.Float64},
    )  # fmt: skip
    universe = pl.DataFrame(
        {"session": session, "security_id": ["a", "b", "c"], "left_out_because": [None, None, "st"]}
    )
    orders = pl.DataFrame(
        {"security_id": ["b", "b", "gone"], "side": ["buy", "sell", "sell"], "shares": [200.0, 100.0, 300.0],
         "value": [2000.0, 1000.0, 900.0]}
    )  # fmt: skip
    reasons = pl.DataFrame({"security_id": ["a", "b"], "reasons": ["x +1", "y -2"]})
    made = signals(session, forecasts, orders, reasons, universe).with_columns(
        horizon=5, experiment=pl.lit("e"), fold=pl.lit("f")
    )
    table = joined([made])
    shown = table.select("security_id", "side", "rank", "shares", "reasons", "left_out_because").rows()
    assert shown == [
        ("b", "buy", 1, 200.0, "y -2", None),
        ("b", "sell", 1, 100.0, None, None),
        ("a", "none", 2, 0.0, None, None),
        ("c", "none", None, 0.0, None, "st"),
        ("gone", "sell", None, 300.0, None, None),
    ]
    assert table["seed_std"].to_list() == [0.0, 0.0, 0.0, None, None]
    assert table["noise_scale"].to_list()[:3] == [0.4, 0.4, 0.3]
    assert joined([]).schema == Signals.create_empty().schema


def test_a_session_has_arrived_once_nearly_all_names_of_the_one_before_have_bars():
    days = [date(2015, 6, day) for day in (1, 2, 3)]
    names = {days[0]: 10, days[1]: 9, days[2]: 8}
    bars = pl.DataFrame(
        [(day, f"{i}") for day, many in names.items() for i in range(many)], schema=["session", "id"], orient="row"
    )
    assert arrived(bars.lazy()) == days[:2]
    assert arrived(bars.lazy().filter(pl.col("session") < days[2])) == days[:2]


def test_the_largest_reasons_come_first_with_their_sign():
    moved = pl.DataFrame(
        {"security_id": ["a"] * 5, "column": ["p", "q", "r", "s", "t"], "change": [0.1, -0.3, 0.2, 0.0, float("nan")]}
    )
    assert in_words(moved).rows() == [("a", "q -0.3; r +0.2; p +0.1")]
