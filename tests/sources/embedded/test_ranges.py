"""High and low hold every price of the session, with the VWAP at a place that crowds nowhere."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assets.sources.embedded.ranges import draw_slack, reached
from assets.sources.embedded.streams import Floats, Streams
from assets.sources.synthetic_market import SyntheticMarketSpec
from expectations.tables import RawBars

PRICE = st.floats(1, 1e6)
MARKET = SyntheticMarketSpec(securities=60, sessions=400)


def of(*cells: float) -> list[Floats]:
    return [np.array([cell]) for cell in cells]


def place(low: Floats, vwap: Floats, high: Floats) -> Floats:
    return np.asarray(np.log(vwap / low) / np.log(high / low))


def printed(spec: SyntheticMarketSpec) -> pl.DataFrame:
    bars = spec.read(RawBars, spec.first_session(), spec.last_session()).filter(~pl.col("is_suspended"))
    wide = bars.with_columns(vwap=pl.col("amount") / pl.col("volume")).filter(pl.col("high") > pl.col("low"))
    return wide.with_columns(place=(pl.col("vwap") - pl.col("low")) / (pl.col("high") - pl.col("low")))


@settings(deadline=None)
@given(opened=PRICE, close=PRICE, vwap=PRICE, slack=st.floats(0, 1), drawn=st.floats(-6, 6))
def test_the_range_holds_every_price(opened: float, close: float, vwap: float, slack: float, drawn: float) -> None:
    low, high = reached(*of(opened, close, vwap, slack, drawn))
    assert low <= min(opened, close, vwap) * (1 + 1e-12)
    assert high >= max(opened, close, vwap) * (1 - 1e-12)


@settings(deadline=None)
@given(opened=PRICE, close=PRICE, vwap=PRICE, drawn=st.floats(-3, 3))
def test_without_slack_open_or_close_is_an_end_of_the_range(
    opened: float, close: float, vwap: float, drawn: float
) -> None:
    low, high = reached(*of(opened, close, vwap, 0.0, drawn))
    at_low, at_high = low == pytest.approx(min(opened, close)), high == pytest.approx(max(opened, close))
    assert at_low or at_high


def test_one_price_without_slack_is_the_whole_range() -> None:
    low, high = reached(*of(11, 11, 11, 0, 2.5))
    assert (low, high) == (11, 11)


def test_slack_widens_the_range_by_itself_and_leaves_the_vwap_where_it_is() -> None:
    prices = of(10, 10, 10)
    low, high = reached(*prices, *of(0.04, 1.0))
    assert np.log(high / low) == pytest.approx(0.04)
    wider = reached(*prices, *of(0.08, 1.0))
    assert place(wider[0], prices[2], wider[1]) == pytest.approx(place(low, prices[2], high))


def test_the_vwap_lies_higher_after_a_rise_and_where_open_and_close_lie_below_it() -> None:
    def lies(*cells: float) -> float:
        low, high = reached(*of(*cells, 0.01, 0.0))
        return float(place(low, np.array([cells[2]]), high)[0])

    assert lies(10, 10, 10) == pytest.approx(0.5)
    assert lies(10, 10.4, 10.2) > 0.53
    assert lies(10.4, 10, 10.2) < 0.47
    assert lies(10, 10, 10.2) > 0.55
    assert lies(10.2, 10.2, 10) < 0.45


def test_slack_goes_with_the_scale_and_is_often_nothing() -> None:
    scale_TS = np.ones((4000, 2), np.float32) * np.array([0.01, 0.02], np.float32)
    slack_TS = draw_slack(Streams(0), scale_TS)
    assert slack_TS.min() == 0.0
    assert np.allclose((slack_TS == 0).mean(axis=0), 0.184, atol=0.02)
    assert slack_TS[:, 1].mean() == pytest.approx(2 * slack_TS[:, 0].mean(), rel=0.05)


def test_the_places_of_the_vwap_are_one_bell_around_the_middle() -> None:
    many_ticks = printed(MARKET).filter(pl.col("high") - pl.col("low") > 0.1)
    count, _ = np.histogram(many_ticks["place"], 20, (0.1, 0.9))
    rises, falls = np.diff(count[:10]), np.diff(count[10:])
    few = 3 * np.sqrt(count.max())
    assert (rises > -few).all()
    assert (falls < few).all()
    assert count[8:12].sum() > 0.45 * count.sum()


def test_in_the_exchangeable_null_ranges_and_places_tell_no_security_from_another() -> None:
    rows = printed(MARKET.model_copy(update={"world": "null_exchangeable"}))
    session, name = pl.col("session"), pl.col("security_id")
    for shown in (pl.col("place"), (pl.col("high") / pl.col("low")).log().rank().over(session)):
        apart = rows.with_columns(x=shown).with_columns(x=pl.col("x") - pl.col("x").mean().over(session))
        means = apart.group_by(name).agg(mean=pl.mean("x"), many=pl.len()).filter(pl.col("many") >= 60)
        chi = (means["mean"] ** 2 * means["many"]).sum() / float(str(apart["x"].var()))
        assert abs(chi - means.height) < 3.5 * np.sqrt(2 * means.height)
