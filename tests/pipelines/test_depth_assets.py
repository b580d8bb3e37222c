import importlib.util
from datetime import datetime
from pathlib import Path

import polars as pl
import pytest

from assets.evaluation.information import seed_averaged
from assets.evaluation.portfolio import simulate
from assets.evaluation.trading import TradingSpec
from pipelines.depth_assets import depth_of
from pipelines.experiment_files import read_experiment
from pipelines.settings import EXPERIMENTS

SHORT = TradingSpec(top_k=5)


@pytest.fixture(scope="module")
def frames():
    place = Path(__file__).parents[1] / "evaluation" / "conftest.py"
    spec = importlib.util.spec_from_file_location("small_market", place)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    market = made.SmallMarket(names=30, sessions=160)
    told = market.forecasts.filter(pl.col("session") < market.sessions[-1]).with_columns(
        seed=pl.lit(0, dtype=pl.Int32),
        segment=pl.when(pl.col("session") < market.sessions[60]).then(pl.lit("valid")).otherwise(pl.lit("test")),
        fold=pl.lit("2016-03-01"),
        noise_scale=pl.lit(None, dtype=pl.Float64),
        probability=1 / (1 + (-pl.col("forecast")).exp()),
        probability_std=0.1 + pl.col("forecast").abs() / 100,
        decided_at=pl.lit(datetime(2016, 1, 1)),
    )
    averaged = seed_averaged(told.filter(pl.col("segment") == "test"))
    universe = averaged.select("session", "security_id", is_member=pl.lit(value=True))
    ran = simulate(averaged, market.bars, universe, SHORT)
    index = market.bars.group_by("session").agg(pl.col("close").mean()).sort("session").select(
        "session", "close", index_id=pl.lit("sh000300"), origin=pl.lit("reported"), prev_close=pl.col("close").shift(1)
    )  # fmt: skip
    return {
        "forecasts": told.lazy(), "labels": market.returns.lazy(), "bars": market.bars.lazy(),
        "float_shares": market.float_shares.lazy(), "industries": market.industries.lazy(),
        "index_bars": index.lazy(), "portfolio": ran.daily.lazy(), "orders": ran.orders.lazy(),
    }  # fmt: skip


def test_the_table_tells_of_the_test_window_alone_and_of_what_is_stated(frames):
    experiment = read_experiment(EXPERIMENTS / "ridge_price.yaml").model_copy(update={"trading": SHORT})
    found = depth_of(experiment, frames)
    assert {"all", "industry", "taken out", "beside", "held", "probability", "gate"} <= set(found["kind"])
    assert found.filter(kind="all", metric="rank_ic")["sessions"].to_list() == [99]
    unknown = {**frames, "labels": frames["labels"].with_columns(paper_return=pl.lit(9.0), status=pl.lit("pending"))}
    assert depth_of(experiment, unknown).equals(found)
