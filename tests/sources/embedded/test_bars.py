"""Every bar is one that an exchange could print: limits, ticks, locks, rights, listings and delistings."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal

import numpy as np
import polars as pl
from hypothesis import example, given, settings
from hypothesis import strategies as st

from assets.sources.embedded.listings import DELISTING_PERIOD, REUSED_AFTER
from assets.sources.synthetic_market import SyntheticMarketSpec, _made
from expectations.tables import RawBars

DEFAULT = SyntheticMarketSpec()
UNLIMITED = pl.col("session") == pl.col("listed_on")


def whole(spec: SyntheticMarketSpec) -> pl.DataFrame:
    return spec.read(RawBars, spec.first_session(), spec.last_session())


def limited(bars: pl.DataFrame) -> pl.DataFrame:
    """Traded bars with their limits in cents, before 2020 and without first sessions."""
    cents = (pl.col("prev_close") * 100).round().cast(pl.Int64)
    percent = pl.when("is_st").then(5).otherwise(10)
    traded = bars.filter(~pl.col("is_suspended"), ~UNLIMITED).with_columns(cents=cents, percent=percent)
    return traded.with_columns(
        up=(cents * (100 + percent) + 50) // 100,
        down=(cents * (100 - percent) + 50) // 100,
        **{name: (pl.col(name) * 100).round().cast(pl.Int64) for name in ("open", "high", "low", "close")},
    )


@settings(max_examples=20, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    world=st.sampled_from(["signal", "null_realistic", "null_exchangeable"]),
    prices=st.tuples(st.floats(1, 5), st.floats(5, 500)),
    jumps=st.floats(0, 0.1),
    limits=st.booleans(),
)
@example(seed=456289, world="signal", prices=(1.0, 82.0), jumps=0.0, limits=False)
def test_every_bar_is_one_that_an_exchange_could_print(
    seed: int, world: str, prices: tuple[float, float], jumps: float, limits: bool
) -> None:
    drawn = {"seed": seed, "world": world, "securities": 15, "sessions": 80, "opening_prices": prices}
    noise, switches = {"jump_probability": jumps}, {"limits": limits}
    spec = SyntheticMarketSpec.model_validate({**drawn, "noise": noise, "switched_on": switches})
    bars = whole(spec)
    halted, traded = bars.filter("is_suspended"), bars.filter(~pl.col("is_suspended"))
    assert halted.select(pl.sum("volume", "amount")).row(0) in {(0.0, 0.0), (0, 0)}
    assert halted.select(pl.col("open", "high", "low", "close").is_null().all()).row(0) == (True,) * 4
    traded = traded.with_columns(vwap=pl.col("amount") / pl.col("volume"))
    inside = pl.all_horizontal(pl.col(c).is_between(pl.col("low"), pl.col("high")) for c in ("open", "close", "vwap"))
    assert traded.select(inside.all()).item()
    assert traded.select(((pl.col("volume") % 100 == 0) & (pl.col("volume") > 0)).all()).item()
    assert bars.select((pl.col("session") >= pl.col("listed_on")).all()).item()
    within = traded.filter(~UNLIMITED)
    for row in within.sample(min(200, within.height), seed=0).iter_rows(named=True):
        reference, share = Decimal(str(row["prev_close"])), Decimal("0.05" if row["is_st"] and limits else "0.1")
        up, down = (
            float((reference * (1 + sign * share)).quantize(Decimal("0.01"), ROUND_HALF_UP)) for sign in (1, -1)
        )
        assert down <= row["low"] <= row["high"] <= up


def test_prices_are_whole_cents_where_there_are_ticks() -> None:
    prices = whole(DEFAULT).drop_nulls("close").select("open", "high", "low", "close", "prev_close")
    assert prices.select(pl.all() == pl.all().round(2)).to_numpy().all()


def test_limits_lock_securities_and_what_they_cut_off_opens_the_next_session() -> None:
    bars = limited(whole(DEFAULT))
    locked = bars.select((pl.col("low") >= pl.col("up")).sum(), locked_down=(pl.col("high") <= pl.col("down")).sum())
    assert min(locked.row(0)) >= 30
    one_price = bars.filter(pl.col("low") == pl.col("high"), (pl.col("close") / pl.col("cents") - 1).abs() > 0.04)
    assert one_price.select((pl.col("close").is_in(pl.concat_list("up", "down"))).all()).item()
    gap = (pl.col("open") / pl.col("cents")).log().shift(-1).over("security_id", "listed_on")
    gaps = bars.with_columns(gap=gap, sealed=pl.col("close") == pl.col("up"))
    sealed, all_of_them = gaps.filter("sealed")["gap"].mean(), gaps["gap"].mean()
    assert float(str(sealed)) > float(str(all_of_them)) + 0.01


def test_new_listings_run_up_limit_by_limit() -> None:
    bars = whole(DEFAULT).filter(pl.col("listed_on") >= DEFAULT.first_session()).sort("session")
    rise = (pl.col("close").first() / pl.col("prev_close").first()).alias("rise")
    first = bars.group_by("security_id", "listed_on").agg(rise).drop_nulls()
    limited_first = first.filter(pl.col("listed_on").dt.year() >= 2015)["rise"]
    assert limited_first.is_between(1.43, 1.45).mean() > 0.75
    ages = bars.with_columns(age=pl.int_range(pl.len()).over("security_id", "listed_on")).filter(pl.col("age") == 1)
    second = (ages["close"] / ages["prev_close"] - 1).filter(ages["listed_on"].dt.year() >= 2015)
    assert (second.drop_nulls() > 0.095).mean() > 0.5


def test_adjusted_closes_are_continuous_where_rights_go_off() -> None:
    bars = whole(DEFAULT).drop_nulls("close").sort("security_id", "session")
    before = pl.col("close", "adj_factor").shift(1).over("security_id", "listed_on").name.suffix("_before")
    steps = bars.with_columns(before).drop_nulls("close_before")
    ex = steps.filter(pl.col("prev_close") != pl.col("close_before"))
    assert ex.filter(pl.col("close_before") / pl.col("prev_close") > 1.15).height > 20
    assert ex.filter(pl.col("close_before") / pl.col("prev_close") < 1.03).height > 200
    moves = ex.select((pl.col("close") / pl.col("prev_close") - 1).alias("move"))["move"]
    assert abs(float(str(moves.mean()))) < 0.005
    step = steps["adj_factor"] / steps["adj_factor_before"]
    assert np.allclose(step, steps["close_before"] / steps["prev_close"], rtol=1e-12)


def test_the_delisted_are_suspended_then_trade_through_their_last_period_and_are_gone() -> None:
    listings = _made(DEFAULT).tape.listings
    gone = np.nonzero(listings.is_delisted)[0]
    assert len(gone) >= 2
    for s in gone:
        rows = whole(DEFAULT).filter(security_id=listings.securities[s], listed_on=listings.listed_on[s])
        assert rows["session"].max() < DEFAULT.last_session()
        assert not rows["is_suspended"].tail(DELISTING_PERIOD).any()
        assert not rows["is_st"].tail(DELISTING_PERIOD).any()
        assert rows["is_suspended"].head(rows.height - DELISTING_PERIOD).tail(20).all()


def test_a_ticker_is_used_twice_and_its_second_life_has_its_own_listing_date() -> None:
    lives = whole(DEFAULT).group_by("security_id", "listed_on").agg(pl.min("session"), last=pl.max("session"))
    twice = lives.filter(pl.len().over("security_id") == 2).sort("session")
    assert twice.height == 2
    first, second = twice.iter_rows(named=True)
    assert second["session"] == second["listed_on"] > first["last"]
    between = whole(DEFAULT)["session"].unique().is_between(first["last"], second["session"]).sum()
    assert between >= REUSED_AFTER


def test_no_security_of_the_exchangeable_null_reaches_a_limit_or_a_cent() -> None:
    bars = whole(DEFAULT.model_copy(update={"world": "null_exchangeable"})).drop_nulls("close")
    assert (bars["high"] / bars["prev_close"] - 1).max() < 0.0995
    assert (bars["low"] / bars["prev_close"] - 1).min() > -0.0995
    assert not bars["is_st"].any()
    assert (bars["close"] != bars["close"].round(2)).mean() > 0.9
