"""Information scale on a small market: the benchmark's two ways agree, and its demands can be missed."""

import polars as pl

from benchmarks import information_scale
from benchmarks.information_scale import SAME, draw, measured
from benchmarks.outcome import Demand


def test_both_ways_find_the_same_rank_ic_of_every_slice() -> None:
    found = measured(securities=60, sessions=25, seeds=2)
    assert float(str(found["furthest"])) <= SAME
    assert int(str(found["slices"])) > 30
    assert float(str(found["seconds"])) > 0


def test_another_rank_ic_would_be_seen(monkeypatch) -> None:
    whole = information_scale.in_pandas

    def off(laid: object) -> tuple[float, pl.DataFrame]:
        seconds, found = whole(laid)
        return seconds, found.with_columns(pl.col("naive") + 1e-9)

    monkeypatch.setattr(information_scale, "in_pandas", off)
    found = measured(securities=40, sessions=22, seeds=1)
    assert not Demand("furthest", SAME, at_least=False).met(float(str(found["furthest"])))


def test_the_market_is_drawn_alike_each_time() -> None:
    once, again = draw(20, 21, 1), draw(20, 21, 1)
    assert once.forecasts.equals(again.forecasts)
    assert once.orders.equals(again.orders)
    assert once.forecasts["session"].n_unique() == 21
