"""What the report trades: one segment, seeds averaged, without the names that the seeds doubt together."""

from types import SimpleNamespace

import numpy as np
import polars as pl

from assets.evaluation.trading import TradingSpec
from benchmarks.wild_markets import wild_market
from pipelines.report_assets import traded


def two_seeds() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Bars, universe and forecasts of two seeds; of every second name they state probabilities far apart."""
    bars, universe, told = wild_market(np.random.default_rng(1))
    apart = pl.col("security_id").str.slice(-1).cast(pl.Int64) % 2 == 0
    parts = [
        told.with_columns(
            seed=pl.lit(seed, dtype=pl.Int32),
            segment=pl.lit("test"),
            fold=pl.lit("2018-01-01"),
            probability=0.5 + pl.when(apart).then(0.2 * sign).otherwise(0.01 * sign),
            probability_std=pl.lit(0.02),
        )
        for seed, sign in ((0, 1), (1, -1))
    ]
    return bars, universe, pl.concat(parts)


def bought(**setting) -> set[str]:
    bars, universe, told = two_seeds()
    experiment = SimpleNamespace(trading=TradingSpec(top_k=4, hold_sessions=2, **setting))
    found = traded(experiment, told, bars, universe, "test")
    return set(found.orders.filter(pl.col("side") == "buy")["security_id"])


def test_names_on_which_the_seeds_disagree_are_not_bought():
    sure = bought(max_probability_std=0.1)
    assert sure
    assert all(int(name[-1]) % 2 for name in sure)
    assert any(int(name[-1]) % 2 == 0 for name in bought())
