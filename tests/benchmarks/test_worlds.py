"""Worlds: each kind is what it says, recovery measures what it says, and the demands can fail."""

import math
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import yaml

from assets.evaluation.known_worlds import KnownWorlds
from assets.sources.synthetic_market import SyntheticMarketSpec
from benchmarks.world import beginning_with
from benchmarks.worlds import CARRIED, EXPERIMENTS, MARKET, PLANT, carried, demands, drawn, recovery, summed, taught_by
from pipelines.experiment_files import read_experiments

SESSIONS = pl.date_range(date(2016, 1, 4), date(2016, 1, 8), eager=True)
NAMES = [f"s{number}" for number in range(50)]
QUIET = KnownWorlds("linear", 20, 0.5, 19, 0.02, 5.0, 5, 0.6, 0.5, 0.7, 0.8, "none")


def cross(**columns: np.ndarray) -> pl.DataFrame:
    keys = pl.DataFrame({"session": SESSIONS}).join(pl.DataFrame({"security_id": NAMES}), how="cross")
    return keys.with_columns(pl.Series(name, values) for name, values in columns.items())


def forecast_of(values: np.ndarray) -> pl.DataFrame:
    return cross(forecast=values).with_columns(fold=pl.lit("2016-01-01"), segment=pl.lit("test"), seed=0)


def test_the_null_foretells_nothing_and_the_planted_world_one_thing_of_ic_02() -> None:
    null, planted = drawn(str(MARKET), 100, "null").effective(), drawn(str(MARKET), 100, "planted")
    assert not any(component.ic for component in null.components)
    assert (planted.components, planted.effective().components, PLANT.ic) == ((PLANT,), (PLANT,), 0.02)
    assert planted.model_copy(update={"components": null.components, "world": null.world}) == null


def test_a_null_specification_has_a_signal_world_too(tmp_path: Path) -> None:
    settings = yaml.safe_load(MARKET.read_text()) | {"world": "null_exchangeable"}
    (tmp_path / "market.yaml").write_text(yaml.safe_dump(settings))
    assert drawn(str(tmp_path / "market.yaml"), 3, "signal") == drawn(str(MARKET), 3, "signal")


def test_prices_carry_what_own_prices_drive_and_the_reversal_and_nothing_else() -> None:
    assert carried(SyntheticMarketSpec()) == ["trend", "confirmed_drift", "reversal"]
    assert carried(drawn(str(MARKET), 100, "signal")) == ["trend", "confirmed_drift"]
    assert carried(drawn(str(MARKET), 100, "null")) == []


def test_recovery_is_the_correlation_within_sessions_whatever_their_levels() -> None:
    rng = np.random.default_rng(100)
    told = rng.uniform(size=250)
    level = np.repeat(rng.integers(-100, 100, 5), 50)
    found = recovery(forecast_of(told), cross(up=told + level, down=-told + level, same=level))
    assert found["up"].min() > 0.98  # a forecast counts by its rank
    assert found["down"].max() < -0.98
    assert found["same"].null_count() == 5


def test_validation_has_no_part_in_recovery() -> None:
    values = np.arange(250.0)
    valid = forecast_of(-values).with_columns(fold=pl.lit("2016-07-01"), segment=pl.lit("valid"))
    found = recovery(pl.concat([forecast_of(values), valid]), cross(up=values))
    assert (found.height, found["up"].min()) == (5, pytest.approx(1))


def test_a_model_is_taught_the_carried_return_where_a_label_is() -> None:
    truth = cross(carried=np.arange(250.0)).with_columns(horizon=pl.lit(5, pl.Int32))
    labels = truth.rename({CARRIED: "forward_return"}).with_columns(pl.col("forward_return") * 0, exited_at=pl.lit(1))
    taught = taught_by(truth, {"targets/forward_returns": labels.head(100)})
    assert taught["forward_return"].to_list() == truth[CARRIED].to_list()[:100]
    assert taught.columns == labels.columns


@pytest.mark.parametrize("first", ["2011-06-01", "2014-01-02", "2014-01-20"])
def test_two_folds_begin_with_any_market_of_600_sessions(first: str, tmp_path: Path) -> None:
    from assets.folds.walk_forward import folds

    spec = SyntheticMarketSpec(sessions=600, first=first)
    experiments = read_experiments(beginning_with(spec, EXPERIMENTS, tmp_path / "asked")).experiments
    for experiment in experiments.values():
        assert len(folds(experiment.walk_forward, spec.first_session(), spec.last_session())) >= 2
    assert {experiment.model.kind for experiment in experiments.values()} == {"linear", "gradient_boosting", "lstm"}


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        ({}, []),
        ({"null_z": -3.4}, ["null_pooled_z_max"]),
        ({"null_z": float("nan")}, ["null_pooled_z_max"]),
        ({"null_contains_0": 14}, ["null_contains_0_min"]),
        ({"planted_z": 3.2}, ["planted_z"]),
    ],
)
def test_a_model_that_finds_something_in_nothing_or_nothing_in_something_is_missed(
    changed: dict[str, float], missed: list[str]
) -> None:
    found = {**summed([replace(QUIET, **changed)]), "recovery": 0.6}
    assert [demand.key for demand in demands(20) if not demand.met(found[demand.key])] == missed


def test_one_bad_model_of_three_is_enough() -> None:
    found = summed([QUIET, replace(QUIET, null_z=-3.5, null_contains_0=12), QUIET])
    assert (found["null_pooled_z_max"], found["null_contains_0_min"]) == (3.5, 12)


def test_a_model_without_a_z_is_not_lost_among_the_others() -> None:
    found = summed([QUIET, replace(QUIET, null_z=math.nan, planted_z=math.nan)])
    assert math.isnan(found["null_pooled_z_max"])
    assert math.isnan(found["planted_z"])
