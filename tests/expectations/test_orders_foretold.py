"""Orders foretold: a simulation that looks at its session, at later ones, or past a locked limit is named."""

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from assets.evaluation.portfolio import placed, simulate
from assets.evaluation.trading import TradingSpec
from expectations.evidence import EXECUTION
from expectations.orders_foretold import Traded, orders_foretold, rewritten, sessions_of_every_kind, stressed
from expectations.suites import judge
from pipelines.gate.portfolio import could_be_had, knew_no_future, terms_of

SPEC = TradingSpec(top_k=4, hold_sessions=3, capital=1_000_000)
Trade = Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], pl.DataFrame]


def market(seed: int = 0, names: int = 24, sessions: int = 70) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Forecasts, bars and universe of names that move at random, without a locked limit."""
    rng = np.random.default_rng(seed)
    days = [date(2018, 1, 1) + timedelta(days=number) for number in range(sessions)]
    keys = pl.DataFrame({"session": days}).join(
        pl.DataFrame({"security_id": [f"sz{number:06d}" for number in range(names)]}), how="cross"
    )
    close = np.round(10 * np.exp(np.cumsum(rng.normal(0, 0.01, (sessions, names)), axis=0)), 2).ravel()
    before = np.concatenate([close[:names], close[:-names]])
    bars = keys.with_columns(
        board=pl.lit("main"), close=close, open=before, high=np.maximum(close, before) + 0.05,
        low=np.minimum(close, before) - 0.05, vwap=np.round((close + before) / 2, 3),
        limit_up=np.round(before * 1.1, 2), limit_down=np.round(before * 0.9, 2), adj_factor=1.0,
        volume=rng.lognormal(13, 0.3, close.size), is_suspended=False, is_locked_up=False, is_locked_down=False,
    )  # fmt: skip
    universe = keys.with_columns(is_member=True)
    told = keys.filter(pl.col("session") >= days[25], pl.col("session") < days[-1])
    return told.with_columns(forecast=pl.Series(rng.normal(size=told.height))), bars, universe


MARKET = market()


def honest(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    return placed(forecasts, bars, universe, SPEC)


def failed(trade: Trade, spec: TradingSpec = SPEC) -> list[str]:
    """Rules that fail where a simulation makes both the stored orders and the others."""
    forecasts, bars, universe = MARKET
    traded = Traded(forecasts, bars, universe, trade(forecasts, bars, universe))
    found = orders_foretold(traded, trade, terms_of(spec), spec.take_profit is not None)
    assert found.schema == EXECUTION
    return found.filter(~pl.col("passed"))["rule"].to_list()


def test_an_honest_portfolio_passes_and_the_gate_judges_it() -> None:
    simulation = simulate(*MARKET, SPEC)
    stored = Traded(*MARKET, simulation.orders)
    evidence = {
        "orders": could_be_had(stored, simulation.daily, SPEC),
        "orders_foretold": knew_no_future(stored, SPEC),
    }
    assert all(found["passed"].all() for found in evidence.values())
    assert evidence["orders_foretold"]["rows_checked"].min() > 0
    verdict = judge("portfolio", evidence)
    assert (verdict.passed, verdict.failures) == (True, ())


@pytest.mark.parametrize(
    "setting",
    [
        {"holding": "dropout", "drop": 2}, {"take_profit": 0.02}, {"strict": True}, {"participation": None},
        {"price": "open"}, {"fees": "none"},
    ],
)  # fmt: skip
def test_other_honest_rules_pass(setting: dict[str, object]) -> None:
    spec = TradingSpec.model_validate(SPEC.model_dump() | setting)
    simulation = simulate(*MARKET, spec)
    stored = Traded(*MARKET, simulation.orders)
    for found in (could_be_had(stored, simulation.daily, spec), knew_no_future(stored, spec)):
        assert found.filter(~pl.col("passed"))["rule"].to_list() == []


@pytest.mark.parametrize("price", ["vwap", "open", "close"])
def test_a_market_in_which_all_names_close_at_their_limit_is_tried_by_its_other_prices(price: str) -> None:
    forecasts, bars, universe = MARKET
    bars = bars.with_columns(close=pl.col("limit_up"), high=pl.col("limit_up"))
    spec = TradingSpec.model_validate(SPEC.model_dump() | {"price": price})
    stored = Traded(forecasts, bars, universe, placed(forecasts, bars, universe, spec))
    found = knew_no_future(stored, spec)
    moveless = ["prices of a session that was tried follow it"] if price == "close" else []
    assert found.filter(~pl.col("passed"))["rule"].to_list() == moveless
    assert any("prices of" in rule for rule in found["rule"])
    day = sessions_of_every_kind(stored.orders)[0]
    session = rewritten(stored, day, 0)[1].filter(session=day)
    assert session.select((pl.col("close") == pl.col("limit_up")).all()).item()
    vwap = pl.col("vwap")
    assert session.select((vwap.is_between("low", "high") & (vwap < pl.col("limit_up"))).all()).item()


def test_prices_that_no_session_moves_show_nothing_and_fail() -> None:
    def deaf(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
        return honest(*MARKET)

    assert [rule for rule in failed(deaf) if "follow that session" in rule]
    forecasts, bars, universe = MARKET
    locked = bars.with_columns(is_locked_up=True, is_locked_down=True)
    stored = Traded(forecasts, locked, universe, honest(*MARKET))
    found = orders_foretold(stored, deaf, terms_of(SPEC), takes_profit=False)
    assert "prices of a session that was tried follow it" in found.filter(~pl.col("passed"))["rule"].to_list()


def test_a_position_that_ends_sooner_is_found_by_the_stored_orders() -> None:
    sooner = SPEC.model_copy(update={"hold_sessions": 2})
    simulation = simulate(*MARKET, sooner)
    found = could_be_had(Traded(*MARKET, simulation.orders), simulation.daily, SPEC)
    assert "a position lasts the sessions that the rule holds it" in found.filter(~pl.col("passed"))["rule"]


def sized_by_its_session(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    found = honest(forecasts, bars, universe)
    seen = found.join(bars.select("session", "security_id", seen="close"), on=["session", "security_id"], how="left")
    buys = pl.col("side") == "buy"
    return seen.with_columns(asked=pl.when(buys).then(pl.col("asked") * pl.col("seen")).otherwise("asked")).drop("seen")


def ranked_by_the_next_session(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    return honest(forecasts.with_columns(pl.col("forecast").shift(-1).over("security_id")), bars, universe)


def chosen_by_who_is_left(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
    left = bars.filter(pl.col("session") == pl.col("session").max())["security_id"]
    return honest(forecasts.filter(pl.col("security_id").is_in(left.implode())), bars, universe)


@pytest.mark.parametrize("trade", [sized_by_its_session, ranked_by_the_next_session, chosen_by_who_is_left])
def test_what_looks_at_the_session_of_the_order_or_later_is_found(trade: Trade) -> None:
    assert any("what is asked for on" in rule for rule in failed(trade))


def test_a_simulation_that_knows_two_sessions_ahead_moves_earlier_orders() -> None:
    def ahead(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
        return honest(forecasts.with_columns(pl.col("forecast").shift(-3).over("security_id")), bars, universe)

    assert any("orders before" in rule for rule in failed(ahead))


@pytest.mark.parametrize(
    ("flag", "rule"),
    [("is_locked_up", "a locked upper limit refuses a buy"), ("is_locked_down", "a locked lower limit refuses a sale")],
)
def test_fills_at_a_locked_limit_are_found_where_the_market_itself_locks_none(flag: str, rule: str) -> None:
    assert not MARKET[1][flag].any()

    def blind(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
        return honest(forecasts, bars.with_columns(pl.lit(value=False).alias(flag)), universe)

    assert failed(blind) == [rule]


def test_fills_in_a_suspension_and_without_a_bar_are_found() -> None:
    _, whole, _ = MARKET

    def blind(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
        same = bars.drop("is_suspended").equals(whole.drop("is_suspended")) or bars.height < whole.height
        return honest(forecasts, whole if same else bars, universe)

    assert {
        "a suspension refuses a buy", "a buy without a bar is refused", "a suspension refuses a sale",
        "a sale without a bar is refused",
    } <= set(failed(blind))  # fmt: skip


def test_a_simulation_that_is_not_the_same_again_is_found() -> None:
    turns = iter(range(100))

    def drawn(forecasts: pl.DataFrame, bars: pl.DataFrame, universe: pl.DataFrame) -> pl.DataFrame:
        return honest(forecasts, bars, universe).with_columns(pl.col("value") + 1e-9 * next(turns))

    assert "the stored orders are those of the simulation made again, to the bit" in failed(drawn)


def test_sessions_are_those_of_every_kind_of_order() -> None:
    orders = honest(*MARKET)
    chosen = sessions_of_every_kind(orders)
    kinds = [
        set(frame.select("side", "status", "reason").iter_rows())
        for frame in (orders, orders.filter(pl.col("session").is_in(chosen)))
    ]
    assert kinds[0] == kinds[1]
    assert chosen == sorted(set(chosen))


def test_what_was_known_before_the_session_is_as_it_was() -> None:
    forecasts, bars, universe = MARKET
    session = bars["session"].unique().sort()[40]
    others = rewritten(Traded(forecasts, bars, universe, honest(*MARKET)), session, 0)
    before = pl.col("session") < session
    for frame, other in zip(MARKET, others, strict=True):
        assert other.filter(before).equals(frame.filter(before))
        assert not other.filter(~before).equals(frame.filter(~before))
    same = bars.filter(session=session).drop("open", "high", "low", "close", "vwap", "volume")
    assert others[1].filter(session=session).select(same.columns).equals(same)
    shown = others[1].filter(session=session)
    assert shown.select((pl.col("vwap").is_between("low", "high") & (pl.col("high") < pl.col("limit_up"))).all()).item()


def test_the_stressed_market_locks_halts_and_leaves_out_names_that_are_dealt_in() -> None:
    _, bars, _ = MARKET
    other = stressed(bars, honest(*MARKET))
    assert other.columns == bars.columns
    assert other.height < bars.height
    assert all(other[flag].any() for flag in ("is_locked_up", "is_locked_down", "is_suspended"))
    assert other.filter("is_suspended")["vwap"].null_count() == other["is_suspended"].sum()
