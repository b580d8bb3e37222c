import math
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from assets.evaluation.intervals import SESSIONS_PER_YEAR
from assets.evaluation.portfolio import Simulation, figures, simulate
from assets.evaluation.shortfall import CAUSES
from assets.evaluation.trading import TradingSpec

FIRST = date(2018, 1, 1)
PRICES = ("open", "high", "low", "close", "vwap")
HALT, UP, DOWN = "suspended", "locked_up", "locked_down"


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def bars_of(names: dict[str, list[float | None]], marks=None, factors=None, board: str = "main") -> pl.DataFrame:
    """Bars whose prices are all the given one; None: no row. `marks` and `factors` are by (name, session)."""
    rows = []
    for name, prices in names.items():
        factor = 1.0
        for number, price in enumerate(prices):
            mark = (marks or {}).get((name, number))
            factor = (factors or {}).get((name, number), factor)
            if price is None:
                continue
            shown = None if mark == HALT else price
            flags = {"is_suspended": mark == HALT, "is_locked_up": mark == UP, "is_locked_down": mark == DOWN}
            row = {"session": day(number), "security_id": name, "board": board, "adj_factor": factor}
            prices_of_row = dict.fromkeys(PRICES, shown)
            rows.append(row | prices_of_row | {"limit_up": None, "limit_down": None, "volume": 1e6} | flags)
    columns = pl.col(*PRICES, "limit_up", "limit_down").cast(pl.Float64)
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(columns)


def members(bars: pl.DataFrame) -> pl.DataFrame:
    return bars.select("session", "security_id", is_member=~pl.col("is_suspended"))


def forecasts(chosen: dict[int, dict[str, float]]) -> pl.DataFrame:
    rows = [(day(t), name, value) for t, values in chosen.items() for name, value in values.items()]
    return pl.DataFrame(
        rows, schema={"session": pl.Date, "security_id": pl.String, "forecast": pl.Float64}, orient="row"
    )


def trade(chosen, names, marks=None, factors=None, universe=None, board="main", **setting) -> Simulation:
    plain = {"top_k": 1, "hold_sessions": 1, "capital": 100_000, "fees": "none", "participation": None, "impact": 0.0}
    plain["dividend_tax"] = "none"
    spec = TradingSpec(**(plain | setting))
    bars = bars_of(names, marks, factors, board)
    return simulate(forecasts(chosen), bars, members(bars) if universe is None else universe, spec)


def orders(simulation: Simulation) -> list[tuple]:
    shown = simulation.orders.select("session", "security_id", "side", "shares", "price", "status", "reason")
    return [((row[0] - FIRST).days, *row[1:]) for row in shown.iter_rows()]


EVERY = {t: {"a": 2.0, "b": 1.0} for t in range(5)}


def test_the_best_name_is_bought_at_the_next_vwap_and_sold_after_the_holding_time():
    found = trade(
        {0: {"a": 1, "b": 2}, 1: {}, 2: {"a": -1}}, {"a": [10.0] * 6, "b": [20, 20, 22, 24, 24, 24]}, hold_sessions=2
    )
    assert [order for order in orders(found) if order[1] == "b"] == [
        (1, "b", "buy", 2500.0, 20.0, "filled", None),
        (3, "b", "sell", 2500.0, 24.0, "filled", None),
    ]
    assert found.daily["nav"].to_list() == pytest.approx([100_000, 105_000, 110_000])


def test_each_session_invests_its_share_of_the_net_asset_value_in_whole_lots():
    found = trade({t: {"a": 1.0} for t in range(3)}, {"a": [7.0] * 5}, hold_sessions=2)
    buys = found.orders.filter(pl.col("side") == "buy")
    assert buys["shares"].to_list() == [7100, 7100, 7100]
    assert found.daily["cash"].to_list() == pytest.approx([50_300, 600, 600])


def test_the_smallest_order_follows_the_board():
    found = trade({0: {"a": 1.0}}, {"a": [900.0] * 3}, board="star")
    assert orders(found) == [(1, "a", "buy", 0.0, 900.0, "refused", "below_one_lot")]
    assert trade({0: {"a": 1.0}}, {"a": [450.0] * 3}, board="star").orders["shares"].to_list() == [222]


@pytest.mark.parametrize(("mark", "reason"), [(UP, "locked_up"), (HALT, "suspended")])
def test_a_refused_buy_stays_cash_and_never_goes_to_the_next_rank(mark, reason):
    found = trade({0: {"a": 2, "b": 1}}, {"a": [10.0] * 3, "b": [10.0] * 3}, {("a", 1): mark})
    assert [order[1:4] + order[5:] for order in orders(found)] == [("a", "buy", 0.0, "refused", reason)]
    assert found.daily["cash"].to_list() == [100_000]


def test_a_name_without_a_bar_cannot_be_bought():
    found = trade({0: {"a": 2}}, {"a": [10.0, None, 10.0], "b": [10.0] * 3})
    assert orders(found)[0][5:] == ("refused", "no_bar")


def test_a_buy_fills_at_a_locked_lower_limit_and_a_sale_at_a_locked_upper_limit():
    found = trade({0: {"a": 1}, 1: {"b": 1}}, {"a": [10.0] * 4, "b": [10.0] * 4}, {("a", 1): DOWN, ("a", 2): UP})
    assert found.orders["status"].unique().to_list() == ["filled"]


@pytest.mark.parametrize("mark", [HALT, DOWN])
def test_a_name_that_cannot_be_sold_is_held_to_the_first_session_in_which_it_can(mark):
    prices = {"a": [10.0, 10, 9, 8, 7, 7], "b": [10.0] * 6}
    found = trade(
        {t: {"a": 1.0 if t == 0 else -1.0, "b": 0.0} for t in range(5)}, prices, {("a", 2): mark, ("a", 3): mark}
    )
    sales = [order for order in orders(found) if order[1:3] == ("a", "sell")]
    assert sales == [
        (2, "a", "sell", 0.0, None if mark == HALT else 9.0, "refused", mark),
        (4, "a", "sell", 10_000.0, 7.0, "filled", None),
    ]


def test_a_suspended_position_is_valued_at_its_last_close():
    found = trade({0: {"a": 1}, 1: {"b": -1}, 2: {"b": -1}}, {"a": [10.0, 10, 5, 5], "b": [1.0] * 4}, {("a", 2): HALT})
    assert found.daily["nav"].to_list()[:2] == [100_000, 100_000]


def test_nothing_is_sold_in_the_session_in_which_it_was_bought():
    found = trade(EVERY, {"a": [10.0] * 7, "b": [10.0] * 7})
    sold = found.orders.filter(pl.col("side") == "sell")
    assert (sold["session"] > sold["opened"]).all()
    assert sold.height == 4


def test_a_split_changes_the_shares_and_not_the_value():
    found = trade({0: {"a": 1.0}, 1: {"b": -1.0}}, {"a": [10.0, 10, 5, 5], "b": [1.0] * 4}, factors={("a", 2): 2.0})
    assert found.daily["nav"].to_list() == [100_000, 100_000]
    assert (2, "a", "sell", 20_000.0, 5.0, "filled", None) in orders(found)


def test_the_level_of_the_adjustment_factor_does_not_matter():
    names = {"a": [10.0, 10, 12, 12], "b": [1.0] * 4}
    plain = trade({0: {"a": 1.0}, 1: {"b": -1.0}}, names)
    scaled = trade({0: {"a": 1.0}, 1: {"b": -1.0}}, names, factors={("a", 0): 7.0})
    np.testing.assert_allclose(scaled.daily["nav"], plain.daily["nav"])
    np.testing.assert_allclose(scaled.orders["shares"], plain.orders["shares"])


def test_a_dividend_is_earned_through_the_adjustment_factor():
    found = trade({0: {"a": 1.0}, 1: {"b": -1.0}}, {"a": [10.0, 10, 9, 9], "b": [1.0] * 4}, factors={("a", 2): 10 / 9})
    assert found.daily["nav"].to_list() == pytest.approx([100_000, 100_000])


def test_fees_are_those_of_their_day_with_the_minimum_commission():
    names = {"a": [10.0] * 4, "b": [1.0] * 4}
    small = trade({0: {"a": 1.0}, 1: {"b": -1}}, names, capital=1_100, fees="dated").orders
    assert small.filter(pl.col("security_id") == "a")["fee"].to_list() == pytest.approx([5.02, 5 + 0.02 + 1])
    large = trade({0: {"a": 1.0}, 1: {"b": -1}}, names, capital=1_000_500, fees="dated").orders
    assert large.filter(pl.col("security_id") == "a")["fee"].to_list() == pytest.approx([270, 1_270])


def test_fees_lower_the_net_and_not_the_gross_return():
    found = trade({0: {"a": 1.0}, 1: {"b": -1}}, {"a": [10.0] * 4, "b": [1.0] * 4}, fees="dated").daily
    assert found["gross_return"].to_list() == pytest.approx([0, 0], abs=1e-12)
    assert (found["net_return"] < 0).all()
    assert 100_000 - found["nav"].to_list()[-1] == pytest.approx(found["fees"].sum())


def test_a_delisted_name_ends_at_its_last_close():
    sessions = 70
    names = {"a": [10.0, 10, 8, *[None] * (sessions - 3)], "b": [1.0] * sessions}
    found = trade({t: {"a": 1.0} if t == 0 else {"b": -1.0} for t in range(sessions - 1)}, names, hold_sessions=5)
    ended = [order for order in orders(found) if order[1:3] == ("a", "sell")]
    assert ended == [
        (6, "a", "sell", 0.0, None, "refused", "no_bar"),
        (62, "a", "sell", 2000.0, 8.0, "filled", "delisted"),
    ]


def test_ranking_uses_members_of_the_universe_only_and_ties_fall_to_the_earlier_id():
    names = {"a": [10.0] * 3, "b": [10.0] * 3, "c": [10.0] * 3}
    bars = bars_of(names)
    universe = members(bars).with_columns(is_member=pl.col("security_id") != "a")
    found = trade({0: {"a": 9.0, "c": 1.0, "b": 1.0}}, names, universe=universe)
    assert [order[1] for order in orders(found)] == ["b"]


def test_the_benchmark_is_the_mean_return_of_what_an_equal_weight_holder_could_have_held():
    names = {"a": [10.0, 11, 11, 11, 22], "b": [10.0, 10, 20, 20, 20], "c": [10.0, 10, 10, 30, 30]}
    # b is locked up after session 0, so it enters after session 1; c leaves the universe while suspended and is kept
    marks = {("b", 0): UP, ("c", 2): HALT}
    found = trade({t: {"a": 1.0} for t in range(4)}, names, marks).daily
    assert found["benchmark_return"].to_list() == pytest.approx(
        [(0.1 + 0) / 2, (0 + 1 + 0) / 3, (0 + 0 + 2) / 3, 1 / 3]
    )
    assert found["excess_return"].to_list()[1:] == pytest.approx(
        (found["net_return"] - found["benchmark_return"]).to_list()[1:]
    )


@pytest.mark.parametrize(("setting", "starting"), [({"hold_sessions": 3}, 3), ({"holding": "dropout", "drop": 1}, 1)])
def test_the_sessions_in_which_the_money_is_put_to_work_count_in_no_return(setting, starting):
    rng = np.random.default_rng(3)
    steady = {name: (10 * np.exp(np.cumsum(rng.normal(0, 0.02, 12)))).round(2).tolist() for name in "abc"}
    # a market that falls by half before all of the money is in it: cash shines, and no forecast knew
    crash = {name: [prices[0] * 2, prices[0] * 2, *prices[2:]] for name, prices in steady.items()}
    chosen = {t: {"a": 3.0, "b": 2.0, "c": float(t)} for t in range(10)}
    spec = TradingSpec(**({"top_k": 1, "hold_sessions": 1} | setting))
    fell = trade(chosen, crash, **setting)
    assert fell.daily["excess_return"].is_null().to_list() == [True] * starting + [False] * (10 - starting)
    told = {figure.metric: figure.value for figure in figures(fell, spec)}
    days = fell.daily[starting:]
    for metric, column in (
        ("excess", "excess"),
        ("net", "net"),
        ("benchmark", "benchmark"),
        ("selection", "selection"),
    ):
        assert told[f"{metric}_return_annual"] == pytest.approx(days[f"{column}_return"].mean() * SESSIONS_PER_YEAR)
    assert told["turnover"] == pytest.approx(days["turnover"].mean())
    assert told["frictionless_return_annual"] == pytest.approx(
        fell.shortfall[starting:]["frictionless_return"].mean() * SESSIONS_PER_YEAR
    )


def test_a_test_that_ends_while_the_money_is_put_to_work_has_no_return():
    found = trade({t: {"a": 1.0} for t in range(3)}, {"a": [10.0, 11, 12, 13]}, hold_sessions=5)
    told = {figure.metric: figure.value for figure in figures(found, TradingSpec(hold_sessions=5))}
    assert all(math.isnan(told[name]) for name in ("excess_return_annual", "turnover", "costs_annual"))
    assert told["orders"] == 3


def test_the_causes_add_up_to_the_frictionless_less_the_net_return():
    rng = np.random.default_rng(5)
    names = {name: (10 * np.exp(np.cumsum(rng.normal(0, 0.03, 40)))).round(2).tolist() for name in "abcdef"}
    marks = {("a", t): HALT for t in range(10, 14)} | {("b", t): UP for t in (5, 6, 20)} | {("c", 9): DOWN}
    chosen = {t: dict(zip(names, rng.standard_normal(6), strict=True)) for t in range(39)}
    setting = {"top_k": 3, "hold_sessions": 2, "fees": "dated", "participation": 0.02, "impact": 0.7, "capital": 1e6}
    found = trade(chosen, names, marks, **setting)
    lost = found.shortfall.select(*CAUSES).sum_horizontal()
    between = found.shortfall["frictionless_return"] - found.shortfall["net_return"]
    np.testing.assert_allclose(lost, between, atol=1e-15)
    assert found.shortfall["net_return"].to_list() == found.daily["net_return"].to_list()
    assert all(found.shortfall[cause].abs().sum() > 0 for cause in CAUSES if cause != "impact")
    assert (found.shortfall["costs"] > 0).mean() > 0.9


def test_cash_and_positions_are_the_value_to_the_cent():
    found = trade(EVERY, {"a": [10.01, 10.03, 9.97, 10, 11, 12, 10], "b": [3.33] * 7}, fees="dated", hold_sessions=2)
    held = found.positions.group_by("session").agg(pl.col("value").sum())
    joined = found.daily.join(held, on="session", how="left").with_columns(pl.col("value").fill_null(0.0))
    cents = joined.select((pl.col("nav", "cash", "value") * 100).round())
    assert (cents["nav"] == cents["cash"] + cents["value"]).all()
    assert (cents.to_numpy() == np.rint(joined.select("nav", "cash", "value").to_numpy() * 100)).all()


def test_a_gate_bars_names_whose_doubt_is_above_it():
    names = {"a": [10.0] * 3, "b": [10.0] * 3, "c": [10.0] * 3}
    bars = bars_of(names)
    told = forecasts({0: {"a": 3.0, "b": 2.0, "c": 1.0}}).with_columns(probability_std=pl.Series([0.2, None, 0.05]))
    found = simulate(told, bars, members(bars), TradingSpec(top_k=2, max_probability_std=0.1))
    assert found.orders["security_id"].to_list() == ["c"]
    with pytest.raises(ValueError, match="sets max_noise_scale, and the forecasts state no noise_scale"):
        simulate(told, bars, members(bars), TradingSpec(top_k=2, max_noise_scale=0.1))


def test_the_gain_of_the_choice_is_measured_against_the_same_rule_buying_every_member():
    names = {"a": [10.0, 10, 11, 11], "b": [10.0, 10, 9, 9], "c": [10.0, 10, 10, 10]}
    found = trade({0: {"a": 2.0, "b": 1.0, "c": 0.0}, 1: {"a": 1.0}}, names, {("c", 1): UP}).daily
    assert found["unchosen_return"].to_list() == pytest.approx([0, 0.0])  # a third each: a +10%, b -10%, c stays cash
    assert found["selection_return"].to_list() == pytest.approx([0, 0.1])


def test_random_choices_gain_nothing_even_where_locked_names_run_on():
    rng = np.random.default_rng(0)
    paths, marks = {}, {}
    for name in (f"n{k:02d}" for k in range(40)):
        steps = rng.normal(0, 0.02, 300)
        for t in np.flatnonzero(rng.random(300) < 0.02):
            steps[t : t + 3] = 0.1  # three sessions locked up in a row
            marks |= {(name, int(s)): UP for s in range(t, min(t + 3, 300))}
        paths[name] = (10 * np.exp(np.cumsum(steps))).tolist()
    chosen = {t: dict(zip(paths, rng.standard_normal(40), strict=True)) for t in range(299)}
    spec = TradingSpec(top_k=5, hold_sessions=2, fees="none")
    found = {figure.metric: figure for figure in figures(trade(chosen, paths, marks, **spec.model_dump()), spec)}
    gain, excess = found["selection_return_annual"], found["excess_return_annual"]
    assert gain.lower < 0 < gain.upper
    assert excess.upper < 0  # a holder keeps the locked names, which nobody can buy


def test_refused_orders_are_counted_by_side_and_reason():
    found = trade(EVERY, {"a": [10.0] * 7, "b": [10.0] * 7}, {("a", 1): UP, ("a", 3): DOWN, ("a", 4): UP})
    counted = {figure.metric: figure.value for figure in figures(found, TradingSpec(top_k=1, hold_sessions=1))}
    assert counted["refused_buy_locked_up"] == 2
    assert counted["refused_sell_locked_down"] == 1
    assert counted["refused_buy_no_cash"] == 1  # the cash is in the position that could not be sold
    assert counted["orders_refused"] == 4
    assert counted["orders"] == found.orders.height


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({}, "0 sessions of forecasts"),
        ({2: {"a": 1.0}}, "no session after them"),
        ({9: {"a": 1.0}}, "have no bars, the first of 2018-01-10"),
    ],
)
def test_forecasts_that_cannot_be_traded_are_refused(chosen, message):
    with pytest.raises(ValueError, match=message):
        trade(chosen, {"a": [10.0] * 3})


def test_repeated_forecasts_of_a_session_are_averaged():
    bars = bars_of({"a": [10.0] * 3, "b": [10.0] * 3})
    twice = pl.concat([forecasts({0: {"a": 1.0, "b": 0.0}}), forecasts({0: {"a": 1.0, "b": 3.0}})])
    found = simulate(twice, bars, members(bars), TradingSpec(top_k=1, capital=100_000))
    assert found.orders["security_id"].to_list() == ["b"]


def test_unknown_settings_are_refused():
    with pytest.raises(ValidationError, match="stop_loss"):
        TradingSpec(stop_loss=0.05)


MARKS = st.sampled_from([None, None, None, HALT, UP, DOWN])


@settings(max_examples=40, deadline=None)
@given(data=st.data(), hold=st.integers(1, 4), top_k=st.integers(1, 3))
def test_without_fees_and_with_flat_prices_value_is_conserved(data, hold, top_k):
    names = {name: [price] * 10 for name, price in (("a", 7.0), ("b", 13.0), ("c", 101.0))}
    marks = {(name, t): data.draw(MARKS) for name in names for t in range(10)}
    chosen = {t: {name: data.draw(st.floats(-1, 1)) for name in names} for t in range(9)}
    found = trade(chosen, names, marks, hold_sessions=hold, top_k=top_k)
    np.testing.assert_allclose(found.daily["nav"], 100_000, rtol=1e-12)
    assert (found.daily["cash"] >= -1e-6).all()
    assert found.daily["net_return"].abs().max() < 1e-12


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000))
def test_cash_and_costs_explain_the_net_asset_value(seed):
    rng = np.random.default_rng(seed)
    names = {name: (10 * np.exp(np.cumsum(rng.normal(0, 0.03, 15)))).tolist() for name in "abcd"}
    chosen = {t: dict(zip("abcd", rng.standard_normal(4), strict=True)) for t in range(13)}
    found = trade(chosen, names, top_k=2, hold_sessions=2, fees="dated")
    filled = found.orders.filter(pl.col("shares") > 0).with_columns(
        flow=pl.when(pl.col("side") == "sell").then(1).otherwise(-1) * pl.col("value") - pl.col("fee")
    )
    assert found.daily["cash"].to_list()[-1] == pytest.approx(100_000 + filled["flow"].sum(), abs=0.001 * len(filled))
    assert (found.daily["cash"] >= 0).all()
    assert found.daily["fees"].sum() == pytest.approx(filled["fee"].sum())
